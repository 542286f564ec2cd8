#include "lib/netlink/socket.hpp"

#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>

namespace osiekit {
namespace {

constexpr std::size_t receive_size = 32768;  // the kernel fills at most this in a dump

// The verdict in a message of type NLMSG_ERROR: 0, or an errno.
int verdict(const NetlinkReply& reply) {
    int code = -EPROTO;
    (void)read_struct(reply.payload, code);
    return -code;
}

Error refused(int error) {
    return Error::from_errno("the kernel's network refuses", error);
}

}  // namespace

Result<NetlinkSocket> NetlinkSocket::open(int service) {
    Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, service));
    if (!fd) return Error::from_errno("talking to the kernel's network");
    // The kernel answers within the call; this only guards against waiting for ever.
    timeval limit{5, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return NetlinkSocket(std::move(fd));
}

Status NetlinkSocket::request(NetlinkMessage message) {
    return exchange(std::move(message), [](const NetlinkReply&) {});
}

Status NetlinkSocket::dump(NetlinkMessage message,
                           const std::function<void(const NetlinkReply&)>& each) {
    return exchange(std::move(message), each);
}

Status NetlinkSocket::exchange(NetlinkMessage message,
                               const std::function<void(const NetlinkReply&)>& each) {
    std::string bytes = message.finish(++sequence_);
    if (::send(fd_.get(), bytes.data(), bytes.size(), 0) < 0)
        return Error::from_errno("asking the kernel's network");
    std::string buffer(receive_size, '\0');
    for (;;) {
        ssize_t size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return Error::from_errno("reading the answer of the kernel's network");
        for (const NetlinkReply& reply :
             parse_netlink({buffer.data(), static_cast<std::size_t>(size)})) {
            if (reply.sequence != sequence_) continue;
            if (reply.type == NLMSG_DONE) return {};
            if (reply.type == NLMSG_ERROR) {
                int error = verdict(reply);
                if (error == 0) return {};
                return refused(error);
            }
            each(reply);
        }
    }
}

Status NetlinkSocket::request_all(std::vector<NamedMessage> messages) {
    std::string bytes;
    std::uint32_t first = sequence_ + 1;
    std::uint32_t last = 0;
    for (NamedMessage& each : messages) {
        ++sequence_;
        if (each.message.wants_answer()) last = sequence_;
        bytes += each.message.finish(sequence_);
    }
    if (::send(fd_.get(), bytes.data(), bytes.size(), 0) < 0)
        return Error::from_errno("asking the kernel's network");
    std::string buffer(receive_size, '\0');
    while (last != 0) {
        ssize_t size = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return Error::from_errno("reading the answer of the kernel's network");
        for (const NetlinkReply& reply :
             parse_netlink({buffer.data(), static_cast<std::size_t>(size)})) {
            if (reply.type != NLMSG_ERROR || reply.sequence < first || reply.sequence > sequence_)
                continue;
            if (int error = verdict(reply); error != 0)
                return refused(error).context(messages[reply.sequence - first].what);
            if (reply.sequence == last) return {};
        }
    }
    return {};
}

}  // namespace osiekit
