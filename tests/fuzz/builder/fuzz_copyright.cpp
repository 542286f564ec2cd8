#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "builder/licence/copyright.hpp"
#include "builder/licence/expression.hpp"

using namespace osiekit::builder;

namespace {

// What came out must be an expression that goes in again and stays what it is.
void check(std::string_view expression) {
    if (expression.empty() || expression.size() > longest_licence_text) return;
    auto again = spdx_expression(expression, LicenceDialect::alpine);
    if (!again) std::abort();
    for (char c : expression)
        if (static_cast<unsigned char>(c) < ' ' || static_cast<unsigned char>(c) > '~')
            std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    if (auto licence = licence_of_copyright(text)) check(*licence);
    for (auto dialect : {LicenceDialect::debian, LicenceDialect::alpine})
        if (auto expression = spdx_expression(text, dialect)) check(*expression);
    return 0;
}
