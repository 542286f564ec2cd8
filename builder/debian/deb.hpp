#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "builder/cache/byte_source.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// Reads Debian binary packages: an ar archive of debian-binary, control.tar* and data.tar*
// (deb(5)). A package is foreign input even after its digest was verified: every size has a limit,
// and names that climb out of the root are refused.

enum class FileType {
    regular,
    directory,
    symlink,
    hardlink,  // link_target is the path, in the same form as PackageFile::path, of an earlier file
    character_device,
    block_device,
    fifo,
};
std::string_view to_string(FileType type);

struct PackageFile {
    // Relative to the root, without "./" or "/" before it or "/" behind it, never empty, without
    // empty, "." or ".." parts: "usr/bin/ls".
    std::string path;
    FileType type = FileType::regular;
    std::uint32_t mode = 0644;  // permission bits only, 07777
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::int64_t mtime = 0;   // seconds since 1970
    std::string link_target;  // of a symlink as it is written in the package; of a hardlink a path
    std::uint32_t device_major = 0;
    std::uint32_t device_minor = 0;
    std::string content;  // of a regular file
    // Names of its extended attributes ("security.capability"), at most most_attributes of them.
    std::vector<std::string> attributes;
};

constexpr std::size_t most_attributes = 16;

// Says by path and type which files of a package are wanted; what is not is skipped unread.
using PackageFilter = std::function<bool(std::string_view path, FileType type)>;
using PackageSink = std::function<Status(PackageFile&&)>;

struct DebLimits {
    std::uint64_t file_size = 512ULL << 20;    // one file of the package, unpacked
    std::uint64_t unpacked_size = 4ULL << 30;  // all wanted and unwanted content
    std::uint64_t entries = 400'000;           // linux-headers have some ten thousand
    std::size_t path_length = 4096;            // PATH_MAX
    std::uint64_t control_size = 16ULL << 20;  // control.tar, unpacked
};

// Gives every wanted file to `sink` in the order of the archive; the root directory itself is left
// out. An error that `sink` returns ends the reading and is returned. A hard link whose file the
// filter skipped is still given. Errors: invalid_input (not a .deb, or broken), limit, unsupported
// (format major version, compression), io.
Status read_deb(const std::filesystem::path& path, const PackageSink& sink,
                const PackageFilter& filter = {}, const DebLimits& limits = {});

// The fields of the package's control file (Package, Version, Architecture, Depends…), names in
// lower case.
Result<std::map<std::string, std::string>> read_deb_control(const std::filesystem::path& path,
                                                            const DebLimits& limits = {});

// The text of a maintainer script ("postinst"); empty if the package has none.
Result<std::string> read_deb_script(const std::filesystem::path& path, std::string_view name,
                                    const DebLimits& limits = {});

// The files of a tar archive, for packages of other kinds; the name says how it is compressed:
// "data.tar", "data.tar.gz". Otherwise as read_deb.
Status read_package_tar(const std::string& name, ByteSource& bytes, const PackageSink& sink,
                        const PackageFilter& filter = {}, const DebLimits& limits = {});

// The same as read_deb for a package from elsewhere, and for one in memory.
Status read_deb_source(ByteSource& bytes, const PackageSink& sink, const PackageFilter& filter = {},
                       const DebLimits& limits = {});
Status read_deb_bytes(std::string_view bytes, const PackageSink& sink,
                      const PackageFilter& filter = {}, const DebLimits& limits = {});
Result<std::map<std::string, std::string>> read_deb_control_bytes(std::string_view bytes,
                                                                  const DebLimits& limits = {});

}  // namespace osiekit::builder
