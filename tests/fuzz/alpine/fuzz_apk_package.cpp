// Whatever the bytes are: no crash, no path that climbs, nothing beyond the limits.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "builder/alpine/apk.hpp"
#include "builder/alpine/checksums.hpp"

using namespace osiekit;
using namespace osiekit::builder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view bytes(reinterpret_cast<const char*>(data), size);
    DebLimits limits;
    limits.file_size = 1U << 20U;
    limits.unpacked_size = 4U << 20U;
    limits.entries = 1000;
    (void)alpine::read_apk_bytes(
        bytes,
        [&](PackageFile&& file) {
            if (file.path.empty() || file.path.front() == '/' || file.path == ".." ||
                file.path.starts_with("../") || file.path.find("/../") != std::string::npos ||
                file.path.find('\n') != std::string::npos || file.content.size() > limits.file_size)
                std::abort();
            return Status();
        },
        {}, limits);
    alpine::Checksums checksums(bytes);
    PackageFile file;
    file.path = "usr/bin/x";
    (void)checksums.check(file);
    return 0;
}
