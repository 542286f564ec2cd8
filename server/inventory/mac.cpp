#include "server/inventory/mac.hpp"

#include "lib/dhcp/address.hpp"

namespace osiekit::server {

std::optional<std::string> canonical_mac(std::string_view text) {
    auto mac = MacAddress::parse(text);
    if (!mac || mac->bytes() == std::string(6, '\0') || mac->bytes() == std::string(6, '\xff'))
        return std::nullopt;
    return mac->to_string();
}

std::string canonical_id(std::string_view text) {
    auto mac = canonical_mac(text);
    return mac ? *mac : std::string(text);
}

}  // namespace osiekit::server
