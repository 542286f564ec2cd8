#include "server/netboot/sockets.hpp"

#include <arpa/inet.h>
#include <net/if.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>

namespace osiekit::netboot {
namespace {

std::string text_of(in_addr address) {
    std::array<char, INET_ADDRSTRLEN> text{};
    ::inet_ntop(AF_INET, &address, text.data(), text.size());
    return text.data();
}

}  // namespace

Result<Fd> open_udp(in_addr address, std::uint16_t port, const std::string& interface) {
    Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket) return Error::from_errno("making a UDP socket");
    int on = 1;
    // No SO_REUSEADDR: a second server on the port would share it without a word.
    ::setsockopt(socket.get(), SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
    if (!interface.empty() &&
        ::setsockopt(socket.get(), SOL_SOCKET, SO_BINDTODEVICE, interface.c_str(),
                     static_cast<socklen_t>(interface.size())) != 0)
        return Error::from_errno("binding to the interface " + interface)
            .hint("check the name with `ip link`; the server needs CAP_NET_RAW");
    sockaddr_in local{};
    local.sin_family = AF_INET;
    local.sin_addr = address;
    local.sin_port = htons(port);
    if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&local), sizeof local) != 0)
        return Error::from_errno("binding UDP " + to_text(local))
            .hint(
                "is another server on this port (`ss -lunp`), and is the address this host's? "
                "Ports below 1024 need CAP_NET_BIND_SERVICE");
    return socket;
}

Result<std::uint16_t> local_port(int socket) {
    sockaddr_in local{};
    socklen_t length = sizeof local;
    if (::getsockname(socket, reinterpret_cast<sockaddr*>(&local), &length) != 0)
        return Error::from_errno("asking for a socket's port");
    return ntohs(local.sin_port);
}

unsigned interface_mtu(const std::string& interface) {
    ifreq request{};
    if (interface.empty() || interface.size() >= sizeof request.ifr_name) return 0;
    std::memcpy(request.ifr_name, interface.data(), interface.size());
    Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket || ::ioctl(socket.get(), SIOCGIFMTU, &request) != 0) return 0;
    return request.ifr_mtu > 0 ? static_cast<unsigned>(request.ifr_mtu) : 0;
}

std::string to_text(const sockaddr_in& peer) {
    return text_of(peer.sin_addr) + ":" + std::to_string(ntohs(peer.sin_port));
}

Result<Fd> open_wake() {
    Fd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event) return Error::from_errno("making an eventfd");
    return event;
}

void wake(int event) {
    std::uint64_t one = 1;
    [[maybe_unused]] auto n = ::write(event, &one, sizeof one);
}

}  // namespace osiekit::netboot
