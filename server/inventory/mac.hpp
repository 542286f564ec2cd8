#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace osiekit::server {

// An Ethernet address in any usual notation → lower case with colons. Anything else, and the null
// and broadcast addresses, is nullopt.
std::optional<std::string> canonical_mac(std::string_view text);

// A MAC in canonical form if it is one, else the text as it is: the way agent ids are compared.
std::string canonical_id(std::string_view text);

}  // namespace osiekit::server
