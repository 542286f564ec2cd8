#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "builder/image/build.hpp"
#include "builder/image/find_packages.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

struct PlannedSegment {
    std::string name;
    bool cached = false;     // else it would be compressed
    std::uint64_t size = 0;  // bytes compressed; 0: not known before it is made
    std::uint64_t unpacked =
        0;  // bytes of its cpio archive; 0: not known before its package is here
};

// What a build would do, as far as that is known without fetching a package.
struct ImagePlan {
    std::string name;
    std::string architecture;
    CompressionOptions compression;
    FoundPackages packages;  // `file` is empty: it would be fetched
    std::optional<KernelFacts> kernel;
    std::vector<ServiceSpec> services;
    std::vector<PlannedSegment> segments;
    // Whether all content is known, so that conflicts between parts have been looked for, too.
    bool known = false;
    std::vector<std::string> warnings;
};

// Goes the way of build_image() and stops before the first package is fetched or anything is
// written but indexes and what else the cache keeps. `options.out` is not used. Errors: those of
// build_image() that can be seen by then.
Result<ImagePlan> plan_image(const Profile& profile, const BuildOptions& options);

// A file or folder of this machine that goes into the image.
struct LocalInput {
    std::string kind;  // "program", "file", "tree", "package"
    std::filesystem::path path;
    std::uint64_t size = 0;  // bytes; of a tree: of its files
};
// Errors: not_found, io, with the place in the profile.
Result<std::vector<LocalInput>> local_inputs(const Profile& profile,
                                             const std::filesystem::path& programs,
                                             const LocalFiles& local);

struct PlanTotals {
    std::uint64_t fetched_packages = 0;
    std::uint64_t fetched_bytes = 0;
    std::uint64_t cached_packages = 0;  // those that are named by path count here
    std::uint64_t cached_bytes = 0;
    std::uint64_t cached_segments = 0;
    std::uint64_t made_segments = 0;  // to be compressed
    std::uint64_t made_bytes = 0;     // before compression, as far as known
    // Of kernel and initramfs, if all segments are in the cache.
    std::optional<std::uint64_t> image_size;
};
PlanTotals totals_of(const ImagePlan& plan);

nlohmann::ordered_json plan_json(const ImagePlan& plan, const std::vector<LocalInput>& inputs);
std::string plan_text(const ImagePlan& plan, const std::vector<LocalInput>& inputs);

}  // namespace osiekit::builder
