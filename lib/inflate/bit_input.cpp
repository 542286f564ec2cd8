#include "lib/inflate/bit_input.hpp"

#include <algorithm>

namespace osiekit::inflate {

void BitInput::align() {
    at.next -= at.count / 8;
    at.bits = 0;
    at.count = 0;
}

Result<std::string_view> BitInput::bytes() {
    OSIEKIT_TRY(ensure(1));
    const std::uint8_t* end = ended_ ? real_end_ : end_;
    if (at.next >= end) return std::string_view();
    return std::string_view(reinterpret_cast<const char*>(at.next),
                            static_cast<std::size_t>(end - at.next));
}

Status BitInput::fill(std::size_t bytes) {
    if (ended_) return Error(ErrorKind::invalid_input, "the compressed stream ends in the middle");
    std::uint8_t* begin = buffer_.data();
    auto rest = static_cast<std::size_t>(end_ - at.next);
    std::memmove(begin, at.next - kKept, kKept + rest);
    at.next = begin + kKept;
    std::uint8_t* end = begin + kKept + rest;
    std::uint8_t* const room_end = begin + buffer_.size();
    while (static_cast<std::size_t>(end - at.next) < bytes) {
        if (piece_.empty()) {
            OSIEKIT_ASSIGN(piece_, source_());
            if (piece_.empty()) break;
        }
        std::size_t some = std::min(piece_.size(), static_cast<std::size_t>(room_end - end));
        std::memcpy(end, piece_.data(), some);
        piece_.remove_prefix(some);
        end += some;
    }
    if (static_cast<std::size_t>(end - at.next) < bytes) {
        ended_ = true;
        real_end_ = end;
        std::memset(end, 0, 2 * kAhead);
        end += 2 * kAhead;
    }
    end_ = end;
    return {};
}

}  // namespace osiekit::inflate
