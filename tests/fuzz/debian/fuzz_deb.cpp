// Whatever the bytes are: no crash, no path that climbs, nothing beyond the limits.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "builder/debian/deb.hpp"

using namespace osiekit;
using namespace osiekit::builder;

namespace {

bool sound_path(std::string_view path) {
    return !path.empty() && path[0] != '/' && path.back() != '/' && path != ".." &&
           !path.starts_with("../") && path.find("/../") == std::string_view::npos &&
           !path.ends_with("/..") && path.find("//") == std::string_view::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view bytes(reinterpret_cast<const char*>(data), size);
    DebLimits limits;
    limits.file_size = 1U << 20U;
    limits.unpacked_size = 4U << 20U;
    limits.control_size = 1U << 20U;
    limits.entries = 1000;
    auto done = read_deb_bytes(
        bytes,
        [&](PackageFile&& file) {
            if (!sound_path(file.path) || file.content.size() > limits.file_size) std::abort();
            if (file.type == FileType::hardlink && !sound_path(file.link_target)) std::abort();
            return Status();
        },
        {}, limits);
    auto control = read_deb_control_bytes(bytes, limits);
    if (control && control->count("package") == 0) std::abort();
    return 0;
}
