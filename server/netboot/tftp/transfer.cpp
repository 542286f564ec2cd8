#include "server/netboot/tftp/transfer.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace osiekit::netboot::tftp {

Transfer::Transfer(std::shared_ptr<const std::string> content, const ReadRequest& request,
                   std::uint32_t largest_block)
    : content_(std::move(content)) {
    std::vector<Option> agreed;
    if (request.block_size) {
        block_size_ = std::min(*request.block_size, std::max(largest_block, smallest_block_size));
        agreed.push_back({"blksize", block_size_});
    }
    if (request.wants_size) agreed.push_back({"tsize", content_->size()});
    if (request.timeout_seconds) {
        fixed_timeout_ = std::chrono::seconds(*request.timeout_seconds);
        agreed.push_back({"timeout", *request.timeout_seconds});
    }
    if (request.window_size) {
        window_ = std::min(*request.window_size, largest_window);
        agreed.push_back({"windowsize", window_});
    }
    if (!agreed.empty()) oack_ = oack_datagram(agreed);
    block_count_ = content_->size() / block_size_ + 1;  // the last one is short, perhaps empty
}

void Transfer::begin(Clock::time_point now, const Send& send) {
    if (oack_.empty()) return send_window(now, send);
    oack_pending_ = true;
    send(oack_, {});
    arm(now);
}

void Transfer::on_ack(std::uint16_t block, Clock::time_point now, const Send& send) {
    if (state_ != State::active) return;
    if (oack_pending_) {
        if (block != 0) return;
        heard_ = true;
        oack_pending_ = false;
        retries_ = 0;
        return send_window(now, send);
    }
    auto advance = static_cast<std::uint16_t>(block - static_cast<std::uint16_t>(acknowledged_));
    if (advance > sent_ - acknowledged_) return;  // an old one, come late
    if (advance == 0) {
        if (window_ == 1 || gap_answered_ || !heard_) return;
        gap_answered_ = true;
    } else {
        heard_ = true;
        gap_answered_ = false;
        retries_ = 0;
        acknowledged_ += advance;
        if (acknowledged_ == block_count_) {
            state_ = State::done;
            return;
        }
    }
    send_window(now, send);
}

void Transfer::on_timer(Clock::time_point now, const Send& send) {
    if (state_ != State::active || now < deadline_) return;
    if (retries_ == largest_retry_count) {
        state_ = State::failed;
        return;
    }
    ++retries_;
    if (oack_pending_) {
        send(oack_, {});
        arm(now);
    } else {
        send_window(now, send);
    }
}

void Transfer::send_window(Clock::time_point now, const Send& send) {
    sent_ = std::min(acknowledged_ + window_, block_count_);
    for (auto number = acknowledged_ + 1; number <= sent_; ++number) {
        std::array<char, 4> head = {0, 3, static_cast<char>(number >> 8U),
                                    static_cast<char>(number)};
        auto offset = (number - 1) * block_size_;
        send({head.data(), head.size()}, std::string_view(*content_).substr(offset, block_size_));
    }
    arm(now);
}

void Transfer::arm(Clock::time_point now) {
    auto delay = fixed_timeout_.count() > 0 ? fixed_timeout_ : first_retry_delay * (1U << retries_);
    deadline_ = now + delay;
}

}  // namespace osiekit::netboot::tftp
