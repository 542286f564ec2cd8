#include "builder/image/output_folder.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>

#include "builder/cache/layout.hpp"
#include "builder/image/output_names.hpp"

namespace osiekit::builder {

namespace fs = std::filesystem;

namespace {

bool lock(const Fd& fd, int operation) {
    while (::flock(fd.get(), operation) != 0)
        if (errno != EINTR) return false;
    return true;
}

// What cannot be removed is in nobody's way; the writing that follows says what is wrong.
void sweep(const fs::path& folder, const OutputSpec& outputs) {
    const std::set<std::string, std::less<>> ours = {outputs.kernel,
                                                     outputs.initramfs,
                                                     outputs.ipxe,
                                                     outputs.spdx,
                                                     outputs.cyclonedx,
                                                     outputs.provenance,
                                                     std::string(manifest_name)};
    std::error_code failure;
    for (const auto& entry : fs::directory_iterator(folder, failure)) {
        std::string name = entry.path().filename().string();
        if (!is_pending_name(name) || ours.count(pending_for(name)) == 0) continue;
        struct stat info {};
        if (::lstat(entry.path().c_str(), &info) == 0 && S_ISREG(info.st_mode))
            ::unlink(entry.path().c_str());
    }
}

}  // namespace

Result<OutputFolder> OutputFolder::open(const fs::path& folder, const OutputSpec& outputs) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error)
        return Error(ErrorKind::io,
                     "cannot create the folder " + folder.string() + ": " + error.message());
    Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return OutputFolder(Fd());
    if (lock(fd, LOCK_EX | LOCK_NB)) sweep(folder, outputs);
    // Who has it exclusively has it for the moment of sweeping.
    if (!lock(fd, LOCK_SH)) return OutputFolder(Fd());
    return OutputFolder(std::move(fd));
}

}  // namespace osiekit::builder
