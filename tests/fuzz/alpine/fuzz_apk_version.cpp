// Three versions, one a line: comparing them is an order, and dependencies print as they are read.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "builder/alpine/atom.hpp"
#include "builder/alpine/version.hpp"
#include "lib/base/text.hpp"

using namespace osiekit::builder::alpine;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    auto lines = osiekit::split(text, '\n');
    lines.resize(3);
    for (std::string_view a : lines) {
        if (compare_versions(a, a) != 0) std::abort();
        if (valid_version(a) && !matches_prefix(a, a)) std::abort();
        for (std::string_view b : lines) {
            if ((compare_versions(a, b) < 0) != (compare_versions(b, a) > 0)) std::abort();
            for (std::string_view c : lines)
                if (compare_versions(a, b) <= 0 && compare_versions(b, c) <= 0 &&
                    compare_versions(a, c) > 0)
                    std::abort();
        }
    }
    auto atom = parse_atom(text);
    if (atom && !parse_atom(atom->to_string())) std::abort();
    return 0;
}
