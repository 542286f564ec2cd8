#include "lib/dhcp/values.hpp"

#include <algorithm>
#include <cctype>

#include "lib/base/bytes.hpp"
#include "lib/base/text.hpp"

namespace osiekit::dhcp {
namespace {

constexpr std::size_t largest_label = 63;
constexpr std::size_t largest_name = 253;
constexpr unsigned char pointer_bits = 0xc0;

Error malformed(std::string message) {
    return {ErrorKind::invalid_input, std::move(message)};
}

bool usable_label(std::string_view label) {
    return std::all_of(label.begin(), label.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
    });
}

// Reads one name at `at`; leaves `at` behind it. Each pointer must point before the place where the
// name began so far, hence the loop ends.
Result<std::string> parse_name(std::string_view bytes, std::size_t& at) {
    std::string name;
    std::size_t position = at;
    std::size_t earliest = at;
    bool jumped = false;
    for (;;) {
        if (position >= bytes.size()) return malformed("domain search list: a name is cut short");
        auto length = static_cast<unsigned char>(bytes[position]);
        if ((length & pointer_bits) == pointer_bits) {
            if (position + 1 >= bytes.size())
                return malformed("domain search list: a pointer is cut short");
            std::size_t target =
                (length & 0x3fU) << 8U | static_cast<unsigned char>(bytes[position + 1]);
            if (!jumped) at = position + 2;
            jumped = true;
            if (target >= earliest)
                return malformed("domain search list: a pointer does not point backwards");
            position = earliest = target;
            continue;
        }
        ++position;
        if (length == 0) break;
        if (length > largest_label || position + length > bytes.size())
            return malformed("domain search list: a label is cut short");
        std::string_view label = bytes.substr(position, length);
        if (!usable_label(label))
            return malformed("domain search list: unusable name '" + printable(label) + "'");
        if (!name.empty()) name += '.';
        name += label;
        if (name.size() > largest_name) return malformed("domain search list: a name is too long");
        position += length;
    }
    if (!jumped) at = position;
    return name;
}

}  // namespace

Result<std::vector<Route>> parse_routes(std::string_view bytes) {
    std::vector<Route> routes;
    ByteReader reader(bytes);
    while (!reader.rest().empty()) {
        Route route;
        route.prefix_length = reader.u8();
        if (route.prefix_length > 32)
            return malformed("classless routes: a prefix of " +
                             std::to_string(route.prefix_length) + " bits");
        std::size_t significant = (route.prefix_length + 7) / 8;
        std::string destination(reader.take(significant));
        destination.resize(4, '\0');
        route.destination =
            Ipv4(ByteReader(destination).u32() & Ipv4::netmask(route.prefix_length).value());
        route.gateway = Ipv4(reader.u32());
        if (reader.failed()) return malformed("classless routes: the last one is cut short");
        routes.push_back(route);
    }
    return routes;
}

std::string encode_routes(const std::vector<Route>& routes) {
    ByteWriter writer;
    for (const Route& route : routes) {
        unsigned prefix = std::min(route.prefix_length, 32U);
        writer.u8(static_cast<std::uint8_t>(prefix));
        writer.raw(route.destination.bytes().substr(0, (prefix + 7) / 8));
        writer.u32(route.gateway.value());
    }
    return std::move(writer.bytes());
}

Result<std::vector<std::string>> parse_domain_search(std::string_view bytes) {
    std::vector<std::string> names;
    for (std::size_t at = 0; at < bytes.size();) {
        OSIEKIT_ASSIGN(std::string name, parse_name(bytes, at));
        if (name.empty()) continue;
        if (names.size() == largest_search_list)
            return Error(ErrorKind::limit, "domain search list: more than " +
                                               std::to_string(largest_search_list) + " names");
        names.push_back(std::move(name));
    }
    return names;
}

Result<std::string> encode_domain_search(const std::vector<std::string>& names) {
    ByteWriter writer;
    for (const std::string& name : names) {
        std::string_view rest = name;
        if (!rest.empty() && rest.back() == '.') rest.remove_suffix(1);
        for (std::string_view label : split(rest, '.')) {
            if (label.empty() || label.size() > largest_label)
                return malformed("domain search list: '" + printable(name) + "' is no domain name");
            writer.u8(static_cast<std::uint8_t>(label.size()));
            writer.raw(label);
        }
        writer.u8(0);
    }
    return std::move(writer.bytes());
}

}  // namespace osiekit::dhcp
