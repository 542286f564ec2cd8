#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "builder/image/contents.hpp"

namespace osiekit::builder {

// One thing that two images have differently. Either side is empty when it lacks the thing.
struct Difference {
    std::string name;    // path, package or module
    std::string before;  // "-rw-r--r-- 0:0 12 sha256:…", a version
    std::string after;
    bool operator==(const Difference&) const = default;
};

struct ImageDiff {
    std::vector<Difference> packages;  // only of images of ours: from their manifests
    std::vector<Difference> files;     // type, mode, owner, size, content, target or device
    std::vector<Difference> modules;
    std::vector<Difference> kernels;
    std::uint64_t size_before = 0;  // of the image
    std::uint64_t size_after = 0;
    std::uint64_t unpacked_before = 0;
    std::uint64_t unpacked_after = 0;

    // How the images are cut and compressed is no difference of what they hold.
    bool same() const {
        return packages.empty() && files.empty() && modules.empty() && kernels.empty();
    }
};

ImageDiff diff_images(const Contents& before, const Contents& after);
nlohmann::ordered_json diff_json(const ImageDiff& diff);

}  // namespace osiekit::builder
