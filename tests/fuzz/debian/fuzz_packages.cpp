// An index that can be read gives a compact form that reads the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "builder/debian/package_index.hpp"
#include "builder/debian/resolver.hpp"

using namespace osiekit;
using namespace osiekit::builder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    auto records = parse_packages(text);
    if (!records) return 0;
    std::string compact = compact_packages(*records);
    auto again = parse_packages(compact);
    if (!again || again->size() != records->size()) std::abort();
    for (std::size_t i = 0; i < again->size(); ++i)
        if ((*again)[i].name != (*records)[i].name || (*again)[i].digest != (*records)[i].digest ||
            (*again)[i].filename != (*records)[i].filename)
            std::abort();
    PackageIndex index;
    if (!index.add(compact, "amd64", 0)) std::abort();
    index.finish();
    for (const std::string& name : index.names()) {
        auto chosen = resolve(index, query_of(PackageSystem::debian, {name}, Dependencies::all()));
        if (chosen && chosen->empty()) std::abort();
    }
    return 0;
}
