#include "images/kexec/load.hpp"

#include <linux/kexec.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "images/kexec/boot_plan.hpp"
#include "lib/base/file.hpp"

namespace osiekit::images::kexec {
namespace {

Error explained(int number, const std::string& kernel) {
    Error error = Error::from_errno("loading the kernel " + kernel, number);
    switch (number) {
        case EPERM:
            return std::move(error).hint(
                "the action needs sandbox level kexec or host, and a machine that is not locked "
                "down (secure boot)");
        case ENOEXEC:
            return std::move(error).hint("it is no kernel for this machine");
        case ENOSYS:
            return std::move(error).hint("the environment's kernel is built without kexec");
        case EINVAL:
            return std::move(error).hint("are the arguments longer than the kernel takes?");
        default:
            return error;
    }
}

}  // namespace

Result<Fd> open_initrds(int root, const std::vector<std::string>& paths) {
    if (paths.size() == 1) return open_below(root, paths.front());
    Fd whole(::memfd_create("initrd", MFD_CLOEXEC));
    if (!whole) return Error::from_errno("making a file in memory");
    for (const std::string& path : paths) {
        OSIEKIT_ASSIGN(Fd part, open_below(root, path));
        ssize_t n = 0;
        do {
            n = ::sendfile(whole.get(), part.get(), nullptr, 1U << 30U);
        } while (n > 0 || (n < 0 && errno == EINTR));
        if (n < 0) return Error::from_errno("copying " + path);
    }
    ::lseek(whole.get(), 0, SEEK_SET);
    return whole;
}

Status load_kernel(int root, const BootEntry& entry) {
    OSIEKIT_ASSIGN(Fd kernel, open_below(root, entry.kernel));
    Fd initrd;
    if (!entry.initrds.empty()) {
        OSIEKIT_ASSIGN(initrd, open_initrds(root, entry.initrds));
    }
    unsigned long flags = initrd ? 0 : KEXEC_FILE_NO_INITRAMFS;
    const std::string& arguments = entry.arguments;
    long done = ::syscall(SYS_kexec_file_load, kernel.get(), initrd ? initrd.get() : -1,
                          arguments.size() + 1, arguments.c_str(), flags);
    if (done != 0) return explained(errno, entry.kernel);
    return {};
}

Status start_kernel(const std::filesystem::path& folder) {
    std::error_code ignored;
    if (std::filesystem::is_directory(folder, ignored)) {
        OSIEKIT_TRY(write_file(folder / "kexec", "").context("requesting kexec"));
        std::printf("requested: kexec\n");
        return {};
    }
    std::printf("there is no %s: starting the kernel before this action is reported\n",
                folder.c_str());
    std::fflush(stdout);
    ::sync();
    ::reboot(RB_KEXEC);
    return Error::from_errno("starting the kernel")
        .hint("the action needs the volume " + folder.string() + ":" + folder.string() +
              ", or pid: host");
}

}  // namespace osiekit::images::kexec
