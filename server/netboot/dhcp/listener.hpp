#pragma once

#include <memory>

#include "lib/base/fd.hpp"
#include "server/netboot/dhcp/responder.hpp"
#include "server/netboot/dhcp/strangers.hpp"
#include "server/netboot/seen.hpp"
#include "server/netboot/socket_thread.hpp"

namespace osiekit::netboot {

// The sockets and the thread of the DHCP server.
class DhcpListener {
  public:
    // All references must outlive the listener. `settings` has its public names filled in.
    static Result<std::unique_ptr<DhcpListener>> start(const Settings& settings,
                                                       const ipxe::Binaries& binaries,
                                                       const MachineLookup& lookup,
                                                       const EventSink& sink, SeenMachines& seen,
                                                       const Logger& logger);
    DhcpListener(const DhcpListener&) = delete;
    DhcpListener& operator=(const DhcpListener&) = delete;

    std::uint16_t port() const { return port_; }
    void stop() { thread_.stop(); }

  private:
    DhcpListener(const Settings& settings, const ipxe::Binaries& binaries,
                 const MachineLookup& lookup, const EventSink& sink, SeenMachines& seen,
                 const Logger& logger)
        : settings_(settings),
          binaries_(binaries),
          lookup_(lookup),
          sink_(sink),
          seen_(seen),
          logger_(logger) {}
    bool receive_one();
    void handle(std::string_view bytes, Arrival arrival, int interface_index);
    void send(const Reply& reply, int interface_index);
    bool send_to_hardware(const Reply& reply, std::string_view payload, int interface_index);
    void send_udp(std::string_view payload, Ipv4 address, std::uint16_t port, int interface_index);

    const Settings& settings_;
    const ipxe::Binaries& binaries_;
    const MachineLookup& lookup_;
    const EventSink& sink_;
    SeenMachines& seen_;
    const Logger& logger_;
    Fd socket_;
    Fd frames_;  // packet socket; empty without CAP_NET_RAW, and then replies are broadcast
    std::uint16_t port_ = 0;
    std::size_t mtu_ = 1500;
    Strangers strangers_;
    SocketThread thread_;  // last: it uses all of the above
};

}  // namespace osiekit::netboot
