#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/dhcp/address.hpp"

namespace osiekit::dhcp {

// Option 121 (RFC 3442).
struct Route {
    Ipv4 destination;
    unsigned prefix_length = 0;
    Ipv4 gateway;  // 0.0.0.0: on the link
    bool operator==(const Route&) const = default;
};
// Errors: kind invalid_input for a prefix above 32 or a cut entry.
Result<std::vector<Route>> parse_routes(std::string_view bytes);
std::string encode_routes(const std::vector<Route>& routes);

// Option 119 (RFC 3397): names as in DNS messages, with compression pointers inside the option.
// Names are returned without a trailing dot. Only letters, digits, '-' and '_' are taken into a
// name, since it ends up in resolv.conf. Errors: kind invalid_input; kind limit above
// largest_search_list names.
inline constexpr std::size_t largest_search_list = 64;
Result<std::vector<std::string>> parse_domain_search(std::string_view bytes);
// Without compression. A label of 0 or more than 63 bytes is an error of kind invalid_input.
Result<std::string> encode_domain_search(const std::vector<std::string>& names);

}  // namespace osiekit::dhcp
