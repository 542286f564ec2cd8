#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "lib/oci/manifest.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace osiekit::oci;
    std::string_view text(reinterpret_cast<const char*>(data), size);
    for (std::string_view type : {std::string_view(), media_type_index, media_type_manifest}) {
        auto document = parse_document(text, type);
        if (!document) continue;
        if (auto* manifest = std::get_if<Manifest>(&*document))
            if (manifest->layers.size() > max_layers) std::abort();
    }
    if (auto config = parse_config(text))
        for (const auto& variable : config->env)
            if (variable.find('\0') != std::string::npos) std::abort();
    return 0;
}
