#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "lib/dhcp/packet.hpp"
#include "lib/dhcp/values.hpp"

using namespace osiekit;

// What was read can be written, and reads the same again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto packet = dhcp::parse({reinterpret_cast<const char*>(data), size});
    if (!packet) return 0;
    for (const dhcp::Option& option : packet->options.all()) {
        (void)packet->options.ipv4_list(option.code);
        (void)packet->options.text(option.code);
        if (auto routes = dhcp::parse_routes(option.value))
            if (*dhcp::parse_routes(dhcp::encode_routes(*routes)) != *routes) std::abort();
        if (auto names = dhcp::parse_domain_search(option.value)) {
            auto bytes = dhcp::encode_domain_search(*names);
            if (!bytes || *dhcp::parse_domain_search(*bytes) != *names) std::abort();
        }
        if (auto inner = dhcp::parse_suboptions(option.value))
            if (*dhcp::parse_suboptions(dhcp::encode_options(*inner, true)) != *inner) std::abort();
    }
    auto bytes = dhcp::build(*packet);
    if (!bytes) {
        // Splitting long options adds a little; only that may be too much.
        if (bytes.error().kind() != ErrorKind::limit) std::abort();
        return 0;
    }
    auto again = dhcp::parse(*bytes);
    if (!again || *again != *packet) std::abort();
    return 0;
}
