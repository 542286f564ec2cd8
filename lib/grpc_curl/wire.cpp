#include "lib/grpc_curl/wire.hpp"

#include <algorithm>

#include "lib/base/text.hpp"

namespace osiekit::rpc {
namespace {

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

int base64_value(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+') return 62;
    return c == '/' ? 63 : -1;
}

std::size_t length_in(std::string_view head) {
    std::size_t length = 0;
    for (std::size_t i = 1; i < frame_head_bytes; ++i)
        length = length << 8U | static_cast<unsigned char>(head[i]);
    return length;
}

}  // namespace

std::string frame(std::string_view message) {
    std::string framed(1, '\0');
    framed.reserve(frame_head_bytes + message.size());
    for (unsigned shift : {24U, 16U, 8U, 0U})
        framed += static_cast<char>(message.size() >> shift & 0xffU);
    framed += message;
    return framed;
}

std::vector<std::string> MessageDecoder::feed(std::string_view bytes) {
    std::vector<std::string> messages;
    while (!failure_ && !bytes.empty()) {
        if (buffer_.size() < frame_head_bytes) {
            std::size_t wanted = std::min(frame_head_bytes - buffer_.size(), bytes.size());
            buffer_ += bytes.substr(0, wanted);
            bytes.remove_prefix(wanted);
        }
        if (buffer_[0] != '\0') {
            failure_ = RpcStatus{StatusCode::internal,
                                 "the server compressed a message though nobody offered that",
                                 {}};
            break;
        }
        if (buffer_.size() < frame_head_bytes) break;
        std::size_t length = length_in(buffer_);
        if (length > limit_) {
            failure_ = RpcStatus{StatusCode::resource_exhausted,
                                 "the server sends a message of " + std::to_string(length) +
                                     " bytes; at most " + std::to_string(limit_) + " are taken",
                                 {}};
            break;
        }
        std::size_t wanted = std::min(frame_head_bytes + length - buffer_.size(), bytes.size());
        buffer_ += bytes.substr(0, wanted);
        bytes.remove_prefix(wanted);
        if (buffer_.size() < frame_head_bytes + length) break;
        messages.push_back(buffer_.substr(frame_head_bytes));
        buffer_.clear();
    }
    return messages;
}

std::string percent_decode(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
        int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
        if (text[i] != '%' || high < 0 || low < 0) {
            decoded += text[i];
            continue;
        }
        decoded += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return decoded;
}

std::string timeout_text(std::chrono::milliseconds timeout) {
    constexpr std::int64_t most = 99999999;
    std::int64_t ms = std::max<std::int64_t>(timeout.count(), 0);
    if (ms <= most) return std::to_string(ms) + "m";
    if ((ms + 999) / 1000 <= most) return std::to_string((ms + 999) / 1000) + "S";
    return std::to_string(std::min((ms + 59999) / 60000, most)) + "M";
}

StatusCode code_for_http(long http_status) {
    switch (http_status) {
        case 400:
            return StatusCode::internal;
        case 401:
            return StatusCode::unauthenticated;
        case 403:
            return StatusCode::permission_denied;
        case 404:
            return StatusCode::unimplemented;
        case 429:
        case 502:
        case 503:
        case 504:
            return StatusCode::unavailable;
        default:
            return StatusCode::unknown;
    }
}

StatusCode parse_code(std::string_view text) {
    auto number = parse_u64(text);
    constexpr auto last = static_cast<std::uint64_t>(StatusCode::unauthenticated);
    return number && *number <= last ? static_cast<StatusCode>(*number) : StatusCode::unknown;
}

std::optional<std::string> decode_base64(std::string_view text) {
    for (int padding = 0; padding < 2 && !text.empty() && text.back() == '='; ++padding)
        text.remove_suffix(1);
    if (text.size() % 4 == 1) return std::nullopt;
    std::string decoded;
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (char c : text) {
        int value = base64_value(c);
        if (value < 0) return std::nullopt;
        bits = bits << 6U | static_cast<std::uint32_t>(value);
        held += 6;
        if (held < 8) continue;
        held -= 8;
        decoded += static_cast<char>(bits >> held & 0xffU);
    }
    return decoded;
}

}  // namespace osiekit::rpc
