// The network inside, by ioctl (netdevice(7)): by name, and without anything to be parsed.
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "lib/sandbox/child.hpp"

namespace osiekit::sandbox {
namespace {

ifreq request_for(const char* name) {
    ifreq request{};
    std::memcpy(request.ifr_name, name, std::strlen(name));
    return request;
}

sockaddr address_of(std::uint32_t network_order) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = network_order;
    sockaddr general{};
    std::memcpy(&general, &address, sizeof address);
    return general;
}

bool switch_on(int socket, const char* name) {
    ifreq request = request_for(name);
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    return ::ioctl(socket, SIOCSIFFLAGS, &request) == 0;
}

bool set_address(int socket, unsigned long what, std::uint32_t network_order) {
    ifreq request = request_for("eth0");
    request.ifr_addr = address_of(network_order);
    return ::ioctl(socket, what, &request) == 0;
}

bool add_default_route(int socket, std::uint32_t gateway) {
    rtentry route{};
    route.rt_dst = address_of(0);
    route.rt_genmask = address_of(0);
    route.rt_gateway = address_of(gateway);
    route.rt_flags = RTF_UP | RTF_GATEWAY;
    return ::ioctl(socket, SIOCADDRT, &route) == 0;
}

}  // namespace

void set_up_network(const ChildPlan& plan) {
    int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    // A network namespace is born with a loopback interface that is down; its address comes with
    // it.
    if (socket < 0 || !switch_on(socket, "lo")) give_up(plan, Step::loopback, 0, errno);
    if (plan.card_address != 0 &&
        (!set_address(socket, SIOCSIFADDR, plan.card_address) ||
         !set_address(socket, SIOCSIFNETMASK, plan.card_netmask) || !switch_on(socket, "eth0") ||
         !add_default_route(socket, plan.card_gateway)))
        give_up(plan, Step::card, 0, errno);
    ::close(socket);
}

}  // namespace osiekit::sandbox
