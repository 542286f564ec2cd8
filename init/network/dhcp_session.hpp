#pragma once

#include <functional>
#include <optional>
#include <string>

#include "init/network/dhcp_client.hpp"
#include "init/network/dhcp_socket.hpp"
#include "init/system/boot_log.hpp"
#include "init/system/event_loop.hpp"
#include "lib/netlink/link.hpp"

namespace osiekit::init {

// One DHCP client at work on one interface: the state machine, its socket and its timer.
class DhcpSession {
  public:
    using OnEvent = std::function<void(const DhcpClient::Event&)>;

    DhcpSession(EventLoop& loop, const BootLog& log, const Link& link, OnEvent on_event);
    DhcpSession(const DhcpSession&) = delete;
    DhcpSession& operator=(const DhcpSession&) = delete;
    ~DhcpSession();

    // Opens the socket and sends the first packet.
    Status start();
    void link_lost();
    void link_changed();
    // From the first packet to the address; zero while there is none.
    Milliseconds waited() const { return waited_; }

  private:
    void receive();
    void settle();  // sends what is to be sent, sets the timer, reports events

    EventLoop& loop_;
    const BootLog& log_;
    std::string name_;
    int index_;
    OnEvent on_event_;
    DhcpClient client_;
    std::optional<DhcpSocket> socket_;
    EventLoop::TimerId timer_ = 0;
    Milliseconds started_{};
    Milliseconds waited_{};
    bool send_failed_ = false;
};

}  // namespace osiekit::init
