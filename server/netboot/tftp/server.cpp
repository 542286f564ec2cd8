#include "server/netboot/tftp/server.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>

#include "lib/base/text.hpp"
#include "server/netboot/sockets.hpp"

namespace osiekit::netboot::tftp {
namespace {

constexpr std::uint32_t header_bytes = 20 + 8 + 4;  // IP, UDP, TFTP
constexpr int datagrams_per_turn = 256;             // then the timers get theirs

Ipv4 address_of(const sockaddr_in& peer) {
    return Ipv4(ntohl(peer.sin_addr.s_addr));
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(const Options& options, Files files, Report report) {
    std::unique_ptr<Server> server(new Server);
    OSIEKIT_ASSIGN(server->socket_,
                   open_udp(options.address, options.port, {}).context("starting the TFTP server"));
    OSIEKIT_ASSIGN(server->port_, local_port(server->socket_.get()));
    if (auto mtu = interface_mtu(options.interface); mtu > header_bytes + smallest_block_size)
        server->largest_block_ = std::min(largest_block_size, mtu - header_bytes);
    server->files_ = std::move(files);
    server->report_ = std::move(report);
    auto ready = [raw = server.get()] {
        raw->receive_all();
        raw->run_timers();
    };
    auto wait = [raw = server.get()] { return raw->wait_milliseconds(); };
    OSIEKIT_TRY(server->thread_.start(server->socket_.get(), ready, wait));
    return server;
}

int Server::wait_milliseconds() const {
    if (running_.empty()) return -1;
    auto nearest = Clock::time_point::max();
    for (const auto& [key, client] : running_)
        nearest = std::min(nearest, client.transfer.deadline());
    auto wait = std::chrono::ceil<std::chrono::milliseconds>(nearest - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(wait, 0, 60'000));
}

void Server::receive_all() {
    std::array<char, 2048> buffer;
    for (int i = 0; i < datagrams_per_turn; ++i) {
        sockaddr_in peer{};
        socklen_t length = sizeof peer;
        auto n = ::recvfrom(socket_.get(), buffer.data(), buffer.size(), 0,
                            reinterpret_cast<sockaddr*>(&peer), &length);
        if (n < 0) return;
        handle({buffer.data(), static_cast<std::size_t>(n)}, peer);
    }
}

void Server::handle(std::string_view datagram, const sockaddr_in& peer) {
    auto client = running_.find({peer.sin_addr.s_addr, peer.sin_port});
    auto packet = parse(datagram);
    if (const auto* request = std::get_if<ReadRequest>(&packet)) {
        open(*request, datagram, peer);
    } else if (const auto* ack = std::get_if<Acknowledgement>(&packet)) {
        if (client == running_.end())
            return refuse(peer, ErrorCode::unknown_transfer, "no transfer with this port");
        client->second.transfer.on_ack(ack->block, Clock::now(), sender(peer));
        finish(client);
    } else if (const auto* error = std::get_if<PeerError>(&packet)) {
        if (client == running_.end()) return;
        // UEFI firmware asks for the size and breaks off before it fetches: not worth a warning.
        report_("tftp.done", client->second.client,
                "ended by the client: error " + std::to_string(error->code) + " " + error->message);
        running_.erase(client);
    } else {
        const auto& refusal = std::get<Refusal>(packet);
        report_("tftp.failed", {address_of(peer), {}}, to_text(peer) + ": " + refusal.message);
        refuse(peer, refusal.code, refusal.message);
    }
}

void Server::open(const ReadRequest& request, std::string_view datagram, const sockaddr_in& peer) {
    auto now = Clock::now();
    Key key{peer.sin_addr.s_addr, peer.sin_port};
    if (auto known = running_.find(key); known != running_.end()) {
        // Our first answer was lost: send it again, do not open a second transfer.
        if (known->second.request == datagram) {
            if (!known->second.transfer.was_acknowledged())
                known->second.transfer.begin(now, sender(peer));
            return;
        }
        running_.erase(known);
    }
    auto name = interpret_file_name(request.file);
    std::string what = printable(request.file) + " to " + to_text(peer);
    if (name.base.empty()) {
        report_("tftp.failed", {address_of(peer), {}}, what + ": not a file name");
        return refuse(peer, ErrorCode::access_violation, "not a file name");
    }
    const Client who{address_of(peer), name};
    auto content = files_(name);
    if (!content) {
        report_("tftp.failed", who, what + ": no such file");
        return refuse(peer, ErrorCode::not_found, "no such file");
    }
    if (running_.size() >= largest_transfer_count) {
        report_("tftp.failed", who, what + ": too many transfers");
        return refuse(peer, ErrorCode::undefined, "too many transfers, try again");
    }
    Transfer transfer(std::move(content), request, largest_block_);
    report_("tftp.read", who,
            what + ", blksize " + std::to_string(transfer.block_size()) + ", windowsize " +
                std::to_string(transfer.window_size()));
    auto added = running_.emplace(key, Running{std::string(datagram), who, std::move(transfer)});
    added.first->second.transfer.begin(now, sender(peer));
}

void Server::run_timers() {
    auto now = Clock::now();
    for (auto client = running_.begin(); client != running_.end();) {
        auto next = std::next(client);
        if (client->second.transfer.deadline() <= now) {
            sockaddr_in peer{};
            peer.sin_family = AF_INET;
            peer.sin_addr.s_addr = client->first.first;
            peer.sin_port = client->first.second;
            client->second.transfer.on_timer(now, sender(peer));
            finish(client);
        }
        client = next;
    }
}

void Server::finish(std::map<Key, Running>::iterator client) {
    const auto& transfer = client->second.transfer;
    if (transfer.state() == Transfer::State::active) return;
    bool done = transfer.state() == Transfer::State::done;
    auto progress = std::to_string(transfer.acknowledged_blocks()) + " of " +
                    std::to_string(transfer.block_count()) + " blocks";
    report_(done ? "tftp.done" : "tftp.failed", client->second.client,
            done ? progress : progress + ", then no answer");
    running_.erase(client);
}

Send Server::sender(const sockaddr_in& peer) const {
    return [this, peer](std::string_view head, std::string_view body) {
        std::array<iovec, 2> pieces = {iovec{const_cast<char*>(head.data()), head.size()},
                                       iovec{const_cast<char*>(body.data()), body.size()}};
        msghdr message{};
        message.msg_name = const_cast<sockaddr_in*>(&peer);
        message.msg_namelen = sizeof peer;
        message.msg_iov = pieces.data();
        message.msg_iovlen = pieces.size();
        // A datagram that does not get out is like one that is lost: the timer sends it again.
        [[maybe_unused]] auto n = ::sendmsg(socket_.get(), &message, 0);
    };
}

void Server::refuse(const sockaddr_in& peer, ErrorCode code, std::string_view message) const {
    sender(peer)(error_datagram(code, message), {});
}

}  // namespace osiekit::netboot::tftp
