#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "init/network/dhcp_session.hpp"
#include "init/network/interface.hpp"
#include "init/settings.hpp"
#include "init/system/event_loop.hpp"

namespace osiekit::init {

// Brings the machine into its network, and keeps it there.
//
// Every Ethernet interface is switched on. Which of them is configured: the one of ipam= or
// hw_addr=; without those all that have a carrier ask for an address at once, and the first lease
// wins. With vlan_id= (or a VLAN in ipam=) the configuration goes to <interface>.<id>. When the
// address is lost the search starts anew. An interface with the wanted address that does not appear
// for a while is reported, and then any interface will do.
class Network {
  public:
    struct Up {
        std::string interface;
        NetworkConfig config;
        Milliseconds waited;  // for the DHCP server's answers
    };
    using OnUp = std::function<void(const Up&)>;

    // on_up is called whenever the configuration is new or has changed.
    Network(EventLoop& loop, const BootLog& log, const Settings& settings, OnUp on_up);
    Network(const Network&) = delete;
    Network& operator=(const Network&) = delete;
    ~Network();

    Status start();
    bool up() const { return current_.has_value(); }

  private:
    struct Interface {
        Link link;
        bool vlan_made = false;
        std::unique_ptr<DhcpSession> session;
        std::optional<NetworkConfig> applied;
    };

    void read_link_events();
    void list_again();
    void on_link(const Link& link);
    void on_link_gone(int index);
    void switch_on(Interface& interface);
    bool wanted(const Link& link) const;
    bool is_parent(const Link& link) const;
    void configure(Interface& interface);
    void start_dhcp(Interface& interface);
    void on_dhcp(int index, const DhcpClient::Event& event);
    void gained(int index, const DhcpClient::Event& event);
    void lost(int index);
    void apply(Interface& interface, const NetworkConfig& config);
    void settle_for_any();
    void say_waiting();

    EventLoop& loop_;
    const BootLog& log_;
    const Settings& settings_;
    OnUp on_up_;
    std::optional<MacAddress> mac_;         // of the interface to use; none: any
    std::optional<std::uint16_t> vlan_id_;  // to use on it
    std::optional<NetlinkSocket> route_;
    Fd events_;
    std::map<int, Interface> interfaces_;
    std::optional<int> current_;  // the interface with the configuration
    EventLoop::TimerId fallback_timer_ = 0;
    EventLoop::TimerId waiting_timer_ = 0;
};

// Writes /etc/resolv.conf and /etc/hosts below `root`, and returns the host name to use.
Result<std::string> write_network_files(const std::string& root, const NetworkConfig& config,
                                        const std::string& default_hostname);

}  // namespace osiekit::init
