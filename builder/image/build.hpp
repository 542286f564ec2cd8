#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "builder/cache/fetch.hpp"
#include "builder/image/firmware.hpp"
#include "builder/image/image_modules.hpp"
#include "builder/image/local_files.hpp"
#include "builder/image/segment.hpp"
#include "builder/kernel/kernel_store.hpp"
#include "builder/lock/lock.hpp"
#include "builder/packages/source.hpp"
#include "builder/profile/profile.hpp"
#include "lib/base/digest.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

struct BuildOptions {
    std::filesystem::path out;       // made if it is missing
    std::filesystem::path cache;     // made if it is missing
    std::filesystem::path programs;  // the folder of osie-init, tink-worker…
    std::uint32_t mtime = 0;         // of every file in the image, seconds since 1970
    unsigned parallel = 1;
    std::shared_ptr<PackageSource> packages;
    // Of this run, if somebody has looked at them before it; else it looks by itself.
    std::shared_ptr<const LocalFiles> local;
    std::function<void(std::string_view)> stage;  // what begins now, a few words
    ProgressCallback progress;
    std::function<bool()> cancelled;
    // Called from any thread once all that is kept of a package has been made, while others may
    // still be on their way.
    std::function<void(const LocatedPackage&)> prepared;
};

struct BuiltImage {
    std::string name;
    std::string architecture;
    std::string cmdline;
    LocatedPackage kernel_package;
    KernelFacts kernel;
    ModuleReport modules;
    CompressionOptions compression;
    std::vector<LocatedPackage> packages;  // all that went in, by name
    std::vector<Segment> segments;
    Sha256 initramfs_digest;
    std::uint64_t initramfs_size = 0;
    std::vector<std::string> warnings;
    std::map<Sha256, std::string> licences;  // of packages, by digest; empty where not known
    std::vector<ProfileSource> profile;      // what was read of the profile
    std::filesystem::path profile_directory;
    std::map<std::string, Sha256> variables;    // name to the digest of its value
    LockInputs inputs;                          // what a lock would say
    std::map<std::string, std::string> copies;  // path in the image to its local file in `inputs`
    std::uint32_t mtime = 0;
    OutputSpec outputs;
};

// Builds kernel, initramfs, manifest.json and the script for iPXE into OUT. They appear together
// after everything has succeeded; a failed or interrupted build leaves what was there before. The
// bytes depend on the profile, the packages, the programs, `mtime` and the zstd library alone.
Result<BuiltImage> build_image(const Profile& profile, const BuildOptions& options);

}  // namespace osiekit::builder
