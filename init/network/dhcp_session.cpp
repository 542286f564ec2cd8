#include "init/network/dhcp_session.hpp"

#include <sys/random.h>

#include <memory>

namespace osiekit::init {
namespace {

std::uint32_t random_seed(const MacAddress& mac) {
    std::uint32_t seed = 0;
    // Early in the boot the kernel may have no entropy yet; it must not be waited for.
    if (::getrandom(&seed, sizeof seed, GRND_NONBLOCK) == static_cast<ssize_t>(sizeof seed))
        return seed;
    seed = static_cast<std::uint32_t>(std::chrono::steady_clock::now().time_since_epoch().count());
    for (std::uint8_t byte : mac.array()) seed = seed * 31 + byte;
    return seed;
}

}  // namespace

DhcpSession::DhcpSession(EventLoop& loop, const BootLog& log, const Link& link, OnEvent on_event)
    : loop_(loop),
      log_(log),
      name_(link.name),
      index_(link.index),
      on_event_(std::move(on_event)),
      client_(link.mac, random_seed(link.mac)) {}

DhcpSession::~DhcpSession() {
    loop_.cancel(timer_);
    if (socket_) loop_.unwatch(socket_->fd());
}

Status DhcpSession::start() {
    OSIEKIT_ASSIGN(DhcpSocket socket, DhcpSocket::open(index_));
    socket_.emplace(std::move(socket));
    OSIEKIT_TRY(loop_.watch(socket_->fd(), [this] { receive(); }));
    started_ = uptime();
    client_.start(started_);
    settle();
    return {};
}

void DhcpSession::link_lost() {
    client_.link_lost();
    settle();
}

void DhcpSession::link_changed() {
    client_.link_changed(uptime());
    settle();
}

void DhcpSession::receive() {
    socket_->receive([this](const dhcp::Packet& packet) {
        log_.debug(
            name_ + ": DHCP " +
            std::string(
                to_string(packet.options.message_type().value_or(dhcp::MessageType::inform))) +
            " from " +
            packet.options.ipv4(dhcp::code::server_identifier).value_or(packet.siaddr).to_string());
        client_.on_packet(uptime(), packet);
    });
    settle();
}

void DhcpSession::settle() {
    for (const DhcpClient::Outgoing& outgoing : client_.take_packets()) {
        Status status = socket_->send(outgoing);
        // Repeated by its timer; said once, until it works again.
        if (!status && !send_failed_) log_.warning(name_ + ": " + status.error().to_string());
        send_failed_ = !status;
    }
    loop_.cancel(timer_);
    timer_ = 0;
    if (auto deadline = client_.deadline())
        timer_ = loop_.after(*deadline - uptime(), [this] {
            client_.on_timer(uptime());
            settle();
        });
    // A callback may destroy this session; nothing of it is touched after the last one.
    OnEvent on_event = on_event_;
    std::vector<DhcpClient::Event> events = client_.take_events();
    for (const DhcpClient::Event& event : events)
        if (event.kind == DhcpClient::Event::Kind::gained) waited_ = uptime() - started_;
    for (const DhcpClient::Event& event : events) on_event(event);
}

}  // namespace osiekit::init
