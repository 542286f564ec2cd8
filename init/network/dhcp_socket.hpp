#pragma once

#include <functional>
#include <string>

#include "init/network/dhcp_client.hpp"
#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"

namespace osiekit::init {

// Carries a DHCP client's packets on one interface: through a packet socket, which works without an
// address, and for renewals through the kernel's own UDP, which knows the neighbours.
class DhcpSocket {
  public:
    static Result<DhcpSocket> open(int interface_index);

    int fd() const { return packet_.get(); }
    Status send(const DhcpClient::Outgoing& outgoing) const;
    // Hands over every valid DHCP packet that waits; others are dropped.
    void receive(const std::function<void(const dhcp::Packet&)>& each) const;

  private:
    DhcpSocket(int index, Fd packet) : index_(index), packet_(std::move(packet)) {}
    Status send_raw(const std::string& frame) const;
    Status send_udp(const std::string& payload, const DhcpClient::Outgoing& outgoing) const;

    int index_;
    Fd packet_;
};

}  // namespace osiekit::init
