#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/alpine/keys.hpp"
#include "builder/debian/deb.hpp"
#include "lib/base/digest.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder::alpine {

// Reads Alpine packages of format 2: gzip members of signatures (may be absent), control and data,
// each a piece of a tar archive (apk-v2(5)). A package is foreign input even after its digest was
// verified: sizes have limits, names that climb out of the root or have control characters are
// refused, and so are symbolic links that climb above the root.

// What .PKGINFO says.
struct PackageInfo {
    std::string name;
    std::string version;
    std::string architecture;
    std::string license;
    std::string origin;
    std::string description;
    std::string url;
    std::vector<std::string> depends;
    std::vector<std::string> provides;
    std::vector<std::string> scripts;  // ".post-install"…: not run by us
    std::optional<Sha256> data_digest;
};

struct ApkParts {
    std::vector<Signature> signatures;
    std::string_view control;  // compressed bytes
    std::string_view data;     // compressed bytes, to the end of the file
    PackageInfo info;
};

constexpr std::uint64_t control_limit = 16ULL
                                        << 20;  // unpacked; Alpine's largest have some 100 KiB
constexpr std::uint64_t apk_unpacked_limit = 1ULL << 30;  // of the data; linux-lts has 130 MiB

// Takes a package apart and checks that its data has the digest that its control part states.
// Errors: invalid_input, limit, digest.
Result<ApkParts> open_apk(std::string_view bytes);

// "Q1" and the base64 of the SHA-1 of the control part: the field C: of the index.
std::string identity_of(std::string_view control);

// Gives every wanted file to `sink`, as read_deb does. Each file whose SHA-1 the archive states
// (APK-TOOLS.checksum.SHA1) is compared with it. Errors: as open_apk, refused (a path that climbs).
Status read_apk_bytes(std::string_view bytes, const PackageSink& sink,
                      const PackageFilter& filter = {}, const DebLimits& limits = {});
Status read_apk(const std::filesystem::path& path, const PackageSink& sink,
                const PackageFilter& filter = {}, const DebLimits& limits = {});
Result<PackageInfo> read_apk_info(const std::filesystem::path& path);

}  // namespace osiekit::builder::alpine
