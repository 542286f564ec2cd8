#include "server/netboot/ipxe/binaries.hpp"

#include <algorithm>
#include <array>

#include "lib/base/file.hpp"

namespace osiekit::netboot::ipxe {
namespace {

constexpr std::array<std::string_view, 5> extensions = {".kpxe", ".kkpxe", ".pxe", ".efi", ".lkrn"};

// By preference. The SNP builds use the firmware's own network driver: smaller, and right for every
// card that the firmware could boot from. Debian has the x86 names, Tinkerbell the others.
std::vector<std::string_view> candidates(std::uint16_t architecture) {
    switch (architecture) {
        case 0:
        case 20:
            return {"undionly.kpxe"};
        case 7:
        case 9:
        case 16:
            return {"snponly.efi", "ipxe.efi", "snp-x86_64.efi"};
        case 6:
        case 15:
            return {"snponly-i386.efi", "ipxe-i386.efi"};
        case 11:
        case 19:
        case 41:
            return {"snp-arm64.efi", "snponly-arm64.efi", "ipxe-arm64.efi"};
        default:
            return {};
    }
}

}  // namespace

Result<Binaries> Binaries::load(const std::filesystem::path& folder) {
    const std::string advice = "install Debian's package ipxe, or name a folder with --ipxe-dir";
    Binaries binaries;
    std::error_code failure;
    std::filesystem::directory_iterator entry(folder, failure);
    if (failure)
        return Error(ErrorKind::not_found,
                     "reading the iPXE binaries in " + folder.string() + ": " + failure.message())
            .hint(advice);
    for (; entry != std::filesystem::directory_iterator(); entry.increment(failure)) {
        const auto& path = entry->path();
        bool wanted = std::find(extensions.begin(), extensions.end(), path.extension().string()) !=
                      extensions.end();
        std::error_code ignored;
        if (!wanted || !std::filesystem::is_regular_file(path, ignored)) continue;
        if (binaries.files_.size() == largest_binary_count)
            return Error(ErrorKind::limit, "more than " + std::to_string(largest_binary_count) +
                                               " iPXE binaries in " + folder.string());
        OSIEKIT_ASSIGN(auto content,
                       read_file(path, largest_binary).context("reading the iPXE binaries"));
        binaries.files_.emplace(path.filename().string(),
                                std::make_shared<const std::string>(std::move(content)));
    }
    if (failure)
        return Error(ErrorKind::io, "listing " + folder.string() + ": " + failure.message());
    if (binaries.files_.empty())
        return Error(ErrorKind::not_found, "no iPXE binaries in " + folder.string()).hint(advice);
    return binaries;
}

std::shared_ptr<const std::string> Binaries::find(std::string_view name) const {
    auto file = files_.find(name);
    return file == files_.end() ? nullptr : file->second;
}

std::vector<std::string> Binaries::names() const {
    std::vector<std::string> all;
    all.reserve(files_.size());
    for (const auto& file : files_) all.push_back(file.first);
    return all;
}

std::string Binaries::for_architecture(std::uint16_t architecture) const {
    for (auto name : candidates(architecture))
        if (find(name)) return std::string(name);
    return {};
}

}  // namespace osiekit::netboot::ipxe
