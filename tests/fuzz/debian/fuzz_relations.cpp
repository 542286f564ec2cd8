// What can be read, printed and read again is the same; versions have an order.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "builder/debian/relation.hpp"
#include "builder/debian/version.hpp"

using namespace osiekit::builder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    std::size_t half = text.size() / 2;
    auto order = compare_versions(text.substr(0, half), text.substr(half));
    auto turned = compare_versions(text.substr(half), text.substr(0, half));
    if ((order < 0) != (turned > 0) || (order == 0) != (turned == 0)) std::abort();
    auto groups = parse_relations(text);
    if (!groups) return 0;
    for (const AtomAlternatives& alternatives : *groups) {
        for (const PackageAtom& atom : alternatives) {
            std::string printed = atom.to_string();
            auto again = parse_relations(printed);
            if (!again || again->size() != 1 || (*again)[0].size() != 1 ||
                (*again)[0][0].to_string() != printed)
                std::abort();
        }
    }
    return 0;
}
