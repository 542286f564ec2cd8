#include "lib/grpc_curl/call_state.hpp"

#include <algorithm>
#include <utility>

namespace osiekit::rpc {

bool CallState::queue(std::string framed) {
    {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] {
            return status_ || writes_closed_ || outgoing_.size() - sent_ < max_queued_bytes;
        });
        if (status_ || writes_closed_) return false;
        outgoing_ += framed;
    }
    wake();
    return true;
}

void CallState::close_writes() {
    {
        std::lock_guard lock(mutex_);
        writes_closed_ = true;
    }
    wake();
}

std::optional<std::string> CallState::next_message() {
    std::optional<std::string> message;
    bool was_full = false;
    {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return status_ || !incoming_.empty(); });
        if (incoming_.empty()) return std::nullopt;
        was_full = incoming_bytes_ >= max_queued_bytes;
        message = std::move(incoming_.front());
        incoming_.pop_front();
        incoming_bytes_ -= message->size();
    }
    if (was_full) wake();
    return message;
}

RpcStatus CallState::wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return status_.has_value(); });
    return *status_;
}

bool CallState::over() const {
    std::lock_guard lock(mutex_);
    return status_.has_value();
}

CallState::Give CallState::take(char* target, std::size_t size, std::size_t& copied) {
    std::lock_guard lock(mutex_);
    copied = std::min(size, outgoing_.size() - sent_);
    if (copied == 0) return writes_closed_ ? Give::end : Give::pause;
    outgoing_.copy(target, copied, sent_);
    sent_ += copied;
    if (sent_ == outgoing_.size() || sent_ > max_queued_bytes) {
        outgoing_.erase(0, sent_);
        sent_ = 0;
    }
    changed_.notify_all();
    return Give::bytes;
}

bool CallState::has_room() const {
    std::lock_guard lock(mutex_);
    return incoming_bytes_ < max_queued_bytes;
}

void CallState::deliver(std::string message) {
    std::lock_guard lock(mutex_);
    if (status_) return;
    incoming_bytes_ += message.size();
    incoming_.push_back(std::move(message));
    changed_.notify_all();
}

bool CallState::something_to_send() const {
    std::lock_guard lock(mutex_);
    return writes_closed_ || outgoing_.size() > sent_;
}

void CallState::end(RpcStatus status) {
    std::lock_guard lock(mutex_);
    if (!status_) status_ = std::move(status);
    changed_.notify_all();
}

}  // namespace osiekit::rpc
