// Three versions, one a line: comparing them is an order, and equal ones are exchangeable.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "builder/debian/version.hpp"
#include "lib/base/text.hpp"

using namespace osiekit::builder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    auto lines = osiekit::split(text, '\n');
    lines.resize(3);
    for (std::string_view a : lines) {
        if (compare_versions(a, a) != 0) std::abort();
        for (std::string_view b : lines) {
            auto order = compare_versions(a, b);
            if ((order < 0) != (compare_versions(b, a) > 0)) std::abort();
            for (std::string_view c : lines) {
                if (order <= 0 && compare_versions(b, c) <= 0 && compare_versions(a, c) > 0)
                    std::abort();
                if (order == 0 && compare_versions(a, c) != compare_versions(b, c)) std::abort();
            }
        }
    }
    return 0;
}
