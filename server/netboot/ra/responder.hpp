#pragma once

#include <netinet/in.h>

#include <memory>
#include <string>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"
#include "server/netboot/netboot.hpp"
#include "server/netboot/seen.hpp"
#include "server/netboot/socket_thread.hpp"

namespace osiekit::netboot::ra {

// Tells iPXE that there is no IPv6 router. iPXE starts to boot only when all its ways of getting an
// address have ended, and Debian's build solicits routers for 16 s when nobody answers. Only a
// machine that DHCP has just seen running iPXE is answered, by unicast; and nobody any more once a
// real router has advertised itself on the link.
class Responder {
  public:
    // Needs CAP_NET_RAW and an interface with IPv6. The references must outlive the responder.
    static Result<std::unique_ptr<Responder>> start(const std::string& interface,
                                                    const SeenMachines& seen,
                                                    const EventSink& sink);
    Responder(const Responder&) = delete;
    Responder& operator=(const Responder&) = delete;
    void stop() { thread_.stop(); }

  private:
    Responder(const SeenMachines& seen, const EventSink& sink) : seen_(seen), sink_(sink) {}
    bool receive_one();
    void answer(const MacAddress& mac, const sockaddr_in6& peer);

    const SeenMachines& seen_;
    const EventSink& sink_;
    Fd socket_;
    bool real_router_ = false;
    SocketThread thread_;  // last: it uses all of the above
};

}  // namespace osiekit::netboot::ra
