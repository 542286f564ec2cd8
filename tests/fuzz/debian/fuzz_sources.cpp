#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "builder/cache/url.hpp"
#include "builder/debian/apt_sources.hpp"

using namespace osiekit::builder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    for (auto* parse : {parse_deb822_sources, parse_one_line_sources}) {
        auto sources = parse(text, "x");
        if (!sources) continue;
        for (const AptSource& source : *sources) {
            if (source.uri.ends_with("/")) std::abort();
            if (without_credentials(without_credentials(source.uri)).size() > source.uri.size())
                std::abort();
        }
    }
    (void)parse_apt_settings(text).proxy_for("http://mirror.example");
    return 0;
}
