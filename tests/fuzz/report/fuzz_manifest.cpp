#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "builder/report/manifest_reader.hpp"

using namespace osiekit::builder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto manifest = parse_manifest({reinterpret_cast<const char*>(data), size});
    if (!manifest) return 0;
    for (const ManifestSegment& segment : manifest->segments)
        if (FileSource::parse(segment.source.to_string()) != segment.source) std::abort();
    return 0;
}
