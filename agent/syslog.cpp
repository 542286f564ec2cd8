#include "agent/syslog.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include "lib/base/text.hpp"

namespace osiekit::agent {
namespace {

constexpr std::chrono::seconds last_moment{1};
constexpr std::chrono::milliseconds first_pause{200};
constexpr std::chrono::milliseconds longest_pause{10000};
constexpr int connect_patience_ms = 10000;
constexpr int priority_error = 3 * 8 + 3;  // facility daemon
constexpr int priority_information = 3 * 8 + 6;
constexpr std::size_t max_hostname = 255;
constexpr std::size_t max_app_name = 48;

// PRINTUSASCII of a field's length.
std::string field(std::string_view text, std::size_t limit) {
    std::string result;
    for (char c : text.substr(0, limit)) result += c > ' ' && c < 0x7f ? c : '_';
    return result.empty() ? "-" : result;
}

}  // namespace

Result<SyslogTarget> parse_syslog_target(std::string_view text, std::uint16_t default_port) {
    std::string_view whole = text;
    SyslogTarget target;
    target.port = std::to_string(default_port);
    std::size_t scheme = text.find("://");
    if (scheme != std::string_view::npos) {
        target.tcp = text.substr(0, scheme) == "tcp";
        if (!target.tcp && text.substr(0, scheme) != "udp") scheme = 0;
        text = scheme == 0 ? std::string_view() : text.substr(scheme + 3);
    }
    std::size_t bracket = text.rfind(']');
    std::size_t colon = text.rfind(':');
    bool bare_v6 = bracket == std::string_view::npos && text.find(':') != colon;
    bool has_port = colon != std::string_view::npos && !bare_v6 &&
                    (bracket == std::string_view::npos || colon > bracket);
    if (has_port) target.port = std::string(text.substr(colon + 1));
    target.host = std::string(has_port ? text.substr(0, colon) : text);
    if (target.host.size() > 2 && target.host.front() == '[' && target.host.back() == ']')
        target.host = target.host.substr(1, target.host.size() - 2);
    auto port = parse_u64(target.port);
    bool usable = !target.host.empty() && target.host.find_first_of("/[] ") == std::string::npos;
    if (!usable || !port || *port == 0 || *port > 65535)
        return Error(ErrorKind::invalid_input,
                     "\"" + printable(whole) + "\" is no place for remote logs")
            .hint("write HOST, udp://HOST:PORT or tcp://HOST:PORT");
    return target;
}

std::string format_syslog(const SyslogMessage& message) {
    return "<" + std::to_string(message.error ? priority_error : priority_information) + ">1 " +
           field(message.time, 64) + " " + field(message.hostname, max_hostname) + " " +
           field(message.app_name, max_app_name) + " - - - " + std::string(message.text);
}

SyslogSender::SyslogSender(SyslogTarget target) : target_(std::move(target)) {
    thread_ = std::thread([this] { work(); });
}

SyslogSender::~SyslogSender() {
    finish();
}

std::uint64_t SyslogSender::finish() {
    {
        std::unique_lock lock(mutex_);
        ending_ = true;
        changed_.notify_all();
        changed_.wait_for(lock, last_moment, [this] { return waiting_.empty() && in_hand_ == 0; });
    }
    give_up_.set();
    if (thread_.joinable()) thread_.join();
    return waiting_.size() + dropped_ + in_hand_ + lost_;
}

void SyslogSender::send(const SyslogMessage& message) {
    std::string text = format_syslog(message);
    if (target_.tcp) text.insert(0, std::to_string(text.size()) + " ");
    std::lock_guard lock(mutex_);
    waiting_bytes_ += text.size();
    waiting_.push_back(std::move(text));
    while (waiting_bytes_ > max_waiting_bytes) {
        waiting_bytes_ -= waiting_.front().size();
        waiting_.pop_front();
        ++dropped_;
    }
    changed_.notify_all();
}

// The next message; empty at the end. It counts as in hand until the following call.
std::string SyslogSender::take() {
    std::unique_lock lock(mutex_);
    in_hand_ = 0;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !waiting_.empty() || ending_; });
    if (dropped_ > 0) {
        SyslogMessage note;
        note.error = true;
        note.app_name = "tink-worker";
        std::string why =
            std::to_string(dropped_) + " lines were dropped: the receiver was too slow";
        note.text = why;
        in_hand_ = std::exchange(dropped_, 0);
        std::string text = format_syslog(note);
        return target_.tcp ? std::to_string(text.size()) + " " + text : text;
    }
    if (waiting_.empty()) return {};
    std::string text = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= text.size();
    in_hand_ = 1;
    return text;
}

bool SyslogSender::wait_for(int fd, short events) const {
    std::array<pollfd, 2> wanted = {{{fd, events, 0}, {give_up_.fd(), POLLIN, 0}}};
    for (;;) {
        int ready = ::poll(wanted.data(), wanted.size(), connect_patience_ms);
        if (ready < 0 && errno == EINTR) continue;
        return ready > 0 && wanted[1].revents == 0;
    }
}

Fd SyslogSender::connect() const {
    addrinfo hints{};
    hints.ai_socktype = target_.tcp ? SOCK_STREAM : SOCK_DGRAM;
    addrinfo* list = nullptr;
    if (::getaddrinfo(target_.host.c_str(), target_.port.c_str(), &hints, &list) != 0) return {};
    std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(list, ::freeaddrinfo);
    for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
        Fd fd(::socket(each->ai_family, each->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (!fd) continue;
        if (::connect(fd.get(), each->ai_addr, each->ai_addrlen) == 0) return fd;
        if (errno != EINPROGRESS || !wait_for(fd.get(), POLLOUT)) continue;
        int error = 0;
        socklen_t length = sizeof error;
        ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &length);
        if (error == 0) return fd;
    }
    return {};
}

bool SyslogSender::deliver(int fd, std::string_view bytes) const {
    while (!bytes.empty()) {
        ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(n));
        } else if (errno == EAGAIN || errno == ENOBUFS) {
            // A slow peer is waited for; what else comes meanwhile waits in the queue.
            while (!wait_for(fd, POLLOUT))
                if (give_up_.requested()) return false;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

void SyslogSender::work() {
    Fd connection;
    auto pause = first_pause;
    std::string message = take();
    while (!message.empty() && !give_up_.requested()) {
        if (!connection) connection = connect();
        if (connection && deliver(connection.get(), message)) {
            pause = first_pause;
            message = take();
            continue;
        }
        // Once more over a new connection; a datagram that nobody wanted is gone.
        connection.reset();
        if (give_up_.wait(pause)) break;
        pause = std::min(pause * 2, longest_pause);
        if (target_.tcp) continue;
        {
            std::lock_guard lock(mutex_);
            lost_ += in_hand_;
        }
        message = take();
    }
}

}  // namespace osiekit::agent
