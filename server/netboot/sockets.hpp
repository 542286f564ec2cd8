#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <string>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"

namespace osiekit::netboot {

// A non-blocking IPv4 UDP socket, bound to address and port, and to the interface when its name is
// not empty, so that servers of several interfaces or namespaces do not disturb each other.
Result<Fd> open_udp(in_addr address, std::uint16_t port, const std::string& interface);

Result<std::uint16_t> local_port(int socket);

// 0 when the interface is unknown or the name empty.
unsigned interface_mtu(const std::string& interface);

std::string to_text(const sockaddr_in& peer);  // "192.0.2.1:1069"

// A file descriptor that becomes readable by wake(); ends a thread's poll(2).
Result<Fd> open_wake();
void wake(int event);

}  // namespace osiekit::netboot
