#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"
#include "lib/netlink/message.hpp"

namespace osiekit {

// A request, and what it does in words for the error ("making the bridge").
struct NamedMessage {
    std::string what;
    NetlinkMessage message;
};

// A connection to one of the kernel's netlink services (NETLINK_ROUTE, NETLINK_NETFILTER) in the
// network namespace of the thread that opens it. Requests wait for the kernel's answer, which comes
// at once.
class NetlinkSocket {
  public:
    static Result<NetlinkSocket> open(int service);

    // Sends, and returns the kernel's verdict.
    Status request(NetlinkMessage message);
    // Sends a dump request and hands over each message of the answer.
    Status dump(NetlinkMessage message, const std::function<void(const NetlinkReply&)>& each);
    // Sends all in one datagram, and returns when the last one that asks for an answer has it. The
    // first refusal is the error, with the request's words. The socket is of no use after an error.
    Status request_all(std::vector<NamedMessage> messages);

  private:
    explicit NetlinkSocket(Fd fd) : fd_(std::move(fd)) {}
    Status exchange(NetlinkMessage message, const std::function<void(const NetlinkReply&)>& each);

    Fd fd_;
    std::uint32_t sequence_ = 0;
};

}  // namespace osiekit
