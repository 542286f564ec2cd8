#include "lib/grpc_curl/channel.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "lib/base/fd.hpp"
#include "lib/base/text.hpp"
#include "lib/grpc_curl/connection.hpp"

namespace osiekit::rpc {

// The channel's thread and what it works on. Callers only leave orders and wake it.
class Channel::Loop {
  public:
    explicit Loop(ChannelOptions options)
        : options_(std::move(options)),
          ping_(options_.ping),
          event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
        thread_ = std::thread([this] { run(); });
    }
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    ~Loop() {
        leave_ = true;
        shut_down();
        thread_.join();
    }

    const ChannelOptions& options() const { return options_; }
    void wake() const {
        std::uint64_t one = 1;
        [[maybe_unused]] ssize_t n = ::write(event_.get(), &one, sizeof one);
    }
    void add(Order order) {
        std::unique_lock lock(mutex_);
        if (shut_down_ && !order.options.survives_shut_down) {
            order.state->end(cancelled);
            return;
        }
        arriving_.push_back(std::move(order));
        lock.unlock();
        wake();
    }
    void shut_down() {
        {
            std::lock_guard lock(mutex_);
            shut_down_ = true;
        }
        wake();
    }

  private:
    // A call that may not be over.
    struct Known {
        std::shared_ptr<CallState> state;
        bool survives_shut_down;
    };

    inline static const RpcStatus cancelled{StatusCode::cancelled, "the call was cancelled", {}};

    void run() {
        while (!leave_) {
            take_orders();
            for (auto it = connections_.begin(); it != connections_.end();) {
                bool useful = (*it)->work();
                if (!useful && (*it)->told_to_calm()) ping_.calm_down();
                it = useful ? it + 1 : connections_.erase(it);
            }
            wait();
        }
        for (const Known& call : known_) call.state->end(cancelled);
        connections_.clear();
    }

    void take_orders() {
        std::vector<Order> arriving;
        {
            std::lock_guard lock(mutex_);
            arriving.swap(arriving_);
        }
        known_.erase(std::remove_if(known_.begin(), known_.end(),
                                    [](const Known& call) { return call.state->over(); }),
                     known_.end());
        for (const Order& order : arriving)
            known_.push_back({order.state, order.options.survives_shut_down});
        if (shut_down_)
            for (const Known& call : known_)
                if (!call.survives_shut_down) call.state->end(cancelled);
        for (const Order& order : arriving) {
            if (order.state->over()) continue;
            Connection* connection = usable(order);
            if (connection != nullptr) connection->start(order);
        }
    }

    // The connection for new calls, made if there is none; nullptr: there is none to be had, and
    // the call knows.
    Connection* usable(const Order& order) {
        for (const auto& connection : connections_)
            if (!connection->draining()) return connection.get();
        auto timeout = options_.connect_timeout;
        if (order.deadline)
            timeout = std::min(timeout, std::chrono::duration_cast<std::chrono::milliseconds>(
                                            *order.deadline - Clock::now()));
        // Others may wait behind it when the channel is shut down; later there are none.
        bool alone = order.options.survives_shut_down && shut_down_;
        auto transport = Transport::connect(options_, timeout, alone ? leave_ : shut_down_);
        if (transport) {
            connections_.push_back(
                std::make_unique<Connection>(options_, ping_, std::move(*transport)));
            return connections_.back().get();
        }
        bool late = order.deadline && Clock::now() >= *order.deadline;
        order.state->end({late ? StatusCode::deadline_exceeded : StatusCode::unavailable,
                          transport.error().message(),
                          {}});
        return nullptr;
    }

    void wait() const {
        std::vector<pollfd> watched = {{event_.get(), POLLIN, 0}};
        std::optional<Clock::time_point> next;
        for (const auto& connection : connections_) {
            short events = connection->wants_to_write() ? POLLIN | POLLOUT : POLLIN;
            watched.push_back({connection->fd(), events, 0});
            auto deadline = connection->next_deadline();
            if (deadline && (!next || *deadline < *next)) next = deadline;
        }
        int timeout = -1;
        if (next) {
            auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - Clock::now()).count();
            constexpr std::int64_t day = 24LL * 3600 * 1000;
            timeout = static_cast<int>(std::clamp<std::int64_t>(left, 0, day));
        }
        if (::poll(watched.data(), watched.size(), timeout) > 0 && watched[0].revents != 0) {
            std::uint64_t count = 0;
            [[maybe_unused]] ssize_t n = ::read(event_.get(), &count, sizeof count);
        }
    }

    const ChannelOptions options_;
    PingTimes ping_;
    Fd event_;
    std::vector<std::unique_ptr<Connection>> connections_;
    std::vector<Known> known_;
    std::mutex mutex_;
    std::vector<Order> arriving_;
    std::atomic<bool> shut_down_ = false;
    std::atomic<bool> leave_ = false;
    std::thread thread_;
};

Call::Call(std::shared_ptr<CallState> state, std::size_t max_message_bytes)
    : state_(std::move(state)), max_message_bytes_(max_message_bytes) {}

Call::~Call() {
    if (state_) cancel();
}

bool Call::write(std::string_view message) {
    if (message.size() <= max_message_bytes_) return state_->queue(frame(message));
    state_->end({StatusCode::resource_exhausted,
                 "a message of " + std::to_string(message.size()) + " bytes is larger than " +
                     std::to_string(max_message_bytes_),
                 {}});
    state_->wake();
    return false;
}

void Call::close_writes() {
    state_->close_writes();
}

std::optional<std::string> Call::read() {
    return state_->next_message();
}

RpcStatus Call::finish() {
    return state_->wait();
}

void Call::cancel() {
    if (state_->over()) return;
    state_->end({StatusCode::cancelled, "the call was cancelled", {}});
    state_->wake();
}

Channel::Channel(ChannelOptions options) : loop_(std::make_unique<Loop>(std::move(options))) {}

Channel::~Channel() = default;

Result<std::unique_ptr<Channel>> Channel::create(ChannelOptions options) {
    if (!split_target(options.target))
        return Error(ErrorKind::invalid_input,
                     "the server \"" + printable(options.target) + "\" is not HOST:PORT");
    return std::unique_ptr<Channel>(new Channel(std::move(options)));
}

Call Channel::start(const std::string& path, const CallOptions& options) {
    auto state = std::make_shared<CallState>();
    state->wake = [loop = loop_.get()] { loop->wake(); };
    Order order{path, options, std::nullopt, state};
    if (options.timeout) order.deadline = Clock::now() + *options.timeout;
    loop_->add(std::move(order));
    return {state, loop_->options().max_message_bytes};
}

RpcStatus Channel::unary(const std::string& path, std::string_view request, std::string& response,
                         const CallOptions& options) {
    Call call = start(path, options);
    if (call.write(request)) call.close_writes();
    std::optional<std::string> message;
    while (auto next = call.read()) {
        if (message) return {StatusCode::internal, "the server answered twice", {}};
        message = std::move(next);
    }
    RpcStatus status = call.finish();
    if (status.ok() && !message)
        return {StatusCode::internal, "the server said that all is well and sent no answer", {}};
    if (message) response = std::move(*message);
    return status;
}

void Channel::shut_down() {
    loop_->shut_down();
}

std::optional<std::pair<std::string, std::uint16_t>> split_target(std::string_view target) {
    std::size_t colon = target.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return std::nullopt;
    std::string_view host = target.substr(0, colon);
    auto port = parse_u64(target.substr(colon + 1));
    if (!port || *port == 0 || *port > 65535) return std::nullopt;
    bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) {
        host = host.substr(1, host.size() - 2);
        if (host.find_first_not_of("0123456789abcdefABCDEF:.%") != std::string_view::npos)
            return std::nullopt;
    } else {
        // What may not be in a name would end up in a URL.
        for (char c : host)
            if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f || c == ':' || c == '/' ||
                c == '@' || c == '[' || c == ']' || c == '?' || c == '#' || c == '\\' || c == '%')
                return std::nullopt;
    }
    return std::pair(std::string(host), static_cast<std::uint16_t>(*port));
}

}  // namespace osiekit::rpc
