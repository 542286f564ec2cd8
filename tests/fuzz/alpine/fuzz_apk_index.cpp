// Whatever the bytes are: no crash; records are whole; the resolver ends.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "builder/alpine/apk_index.hpp"
#include "builder/alpine/resolver.hpp"

using namespace osiekit::builder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    auto records = alpine::parse_index(text);
    if (!records) return 0;
    alpine::Index index;
    if (!index.add(std::string(text), 0)) std::abort();
    index.finish();
    for (const alpine::Record& record : *records) {
        if (record.name.empty() || record.version.empty() || record.size == 0) std::abort();
        auto chosen =
            alpine::resolve(index, query_of(PackageSystem::alpine, {std::string(record.name)}));
        if (chosen && chosen->empty()) std::abort();
        if (&record - records->data() >= 4) break;
    }
    return 0;
}
