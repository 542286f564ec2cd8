#pragma once

#include <netinet/in.h>

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"
#include "lib/dhcp/address.hpp"
#include "server/netboot/socket_thread.hpp"
#include "server/netboot/tftp/transfer.hpp"

namespace osiekit::netboot::tftp {

constexpr std::size_t largest_transfer_count = 1024;

// Whom and what a report is about; `name` is empty for a request that has none.
struct Client {
    Ipv4 address;
    FileName name;
};

// Read-only TFTP from memory. All data leaves from the listening port and clients are told apart
// by their address and port: works through NAT and strict packet filters, as Tinkerbell's does.
class Server {
  public:
    struct Options {
        in_addr address{};  // to listen on
        std::uint16_t port = 0;
        std::string interface;  // its MTU limits the block size
    };
    // The content of a file, or null. Runs on the server's thread.
    using Files = std::function<std::shared_ptr<const std::string>(const FileName&)>;
    // KIND is "tftp.read", "tftp.done" or "tftp.failed".
    using Report = std::function<void(std::string_view kind, const Client&, std::string text)>;

    static Result<std::unique_ptr<Server>> start(const Options& options, Files files,
                                                 Report report);
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    std::uint16_t port() const { return port_; }
    void stop() { thread_.stop(); }

  private:
    struct Running {
        std::string request;  // the datagram, to know a repeated one
        Client client;
        Transfer transfer;
    };
    using Key = std::pair<in_addr_t, in_port_t>;

    Server() = default;
    int wait_milliseconds() const;
    void receive_all();
    void handle(std::string_view datagram, const sockaddr_in& peer);
    void open(const ReadRequest& request, std::string_view datagram, const sockaddr_in& peer);
    void run_timers();
    // Reports and removes the transfer if it ended.
    void finish(std::map<Key, Running>::iterator running);
    Send sender(const sockaddr_in& peer) const;
    void refuse(const sockaddr_in& peer, ErrorCode code, std::string_view message) const;

    Fd socket_;
    std::uint16_t port_ = 0;
    std::uint32_t largest_block_ = largest_block_size;
    Files files_;
    Report report_;
    std::map<Key, Running> running_;
    SocketThread thread_;  // last: it uses all of the above
};

}  // namespace osiekit::netboot::tftp
