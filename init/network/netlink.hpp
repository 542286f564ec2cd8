#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"
#include "lib/dhcp/address.hpp"

namespace osiekit::init {

// A network interface as the kernel describes it (RTM_NEWLINK).
struct Link {
    int index = 0;
    std::string name;
    MacAddress mac;
    bool ethernet = false;  // ARPHRD_ETHER with a six-byte address
    bool hardware = false;  // not a bridge, VLAN, tunnel or other software device
    bool up = false;        // switched on
    bool carrier = false;   // connected
    bool operator==(const Link&) const = default;
};

// A message to the kernel's routing service: header, then attributes (type, length, value).
class NetlinkMessage {
  public:
    NetlinkMessage(std::uint16_t type, std::uint16_t flags, std::string_view fixed_part);
    void attribute(std::uint16_t type, std::string_view value);
    void attribute_u32(std::uint16_t type, std::uint32_t value);  // host order
    void attribute_u16(std::uint16_t type, std::uint16_t value);
    // Attributes added between begin and end are inside this one.
    std::size_t begin(std::uint16_t type);
    void end(std::size_t start);
    // With the header's length and number filled in.
    std::string finish(std::uint32_t sequence);

  private:
    std::string bytes_;
};

// One message of an answer. `payload` is what follows the header.
struct NetlinkReply {
    std::uint16_t type = 0;
    std::uint32_t sequence = 0;
    std::string_view payload;
};
// Splits a datagram into messages; what does not fit is left out.
std::vector<NetlinkReply> parse_netlink(std::string_view datagram);
// The payload of RTM_NEWLINK or RTM_DELLINK.
std::optional<Link> parse_link(std::string_view payload);

// A connection to the kernel's routing service. Requests wait for the kernel's answer, which comes
// at once.
class RouteSocket {
  public:
    static Result<RouteSocket> open();

    // Sends, and returns the kernel's verdict.
    Status request(NetlinkMessage message);
    // Sends a dump request and hands over each message of the answer.
    Status dump(NetlinkMessage message, const std::function<void(const NetlinkReply&)>& each);

  private:
    explicit RouteSocket(Fd fd) : fd_(std::move(fd)) {}
    Status exchange(NetlinkMessage message, const std::function<void(const NetlinkReply&)>& each);

    Fd fd_;
    std::uint32_t sequence_ = 0;
};

// A non-blocking socket on which changes of links are announced.
Result<Fd> open_link_events();

}  // namespace osiekit::init
