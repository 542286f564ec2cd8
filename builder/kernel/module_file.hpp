#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.hpp"

namespace osiekit::builder {

// The largest module of a distribution with its debug information stripped has 10 MB or so.
constexpr std::size_t largest_module = 256U << 20U;

// The plain bytes of a module file: .ko as it is, .ko.xz, .ko.zst and .ko.gz unpacked. Errors:
// invalid_input (broken), limit (larger than `limit`).
Result<std::string> plain_module(std::string_view path, std::string&& file,
                                 std::size_t limit = largest_module);

}  // namespace osiekit::builder
