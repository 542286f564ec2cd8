#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/grpc_curl/status.hpp"

// What gRPC puts into HTTP/2 (gRPC's doc/PROTOCOL-HTTP2.md and doc/http-grpc-status-mapping.md),
// without a network.
namespace osiekit::rpc {

// A message larger than this is neither sent nor taken; gRPC's own default for receiving.
inline constexpr std::size_t default_max_message_bytes = 4U << 20U;
inline constexpr std::size_t frame_head_bytes = 5;

// The message behind its length and the flag "not compressed".
std::string frame(std::string_view message);

// Cuts the body of an answer into messages. After a failure it takes nothing more.
class MessageDecoder {
  public:
    explicit MessageDecoder(std::size_t max_message_bytes) : limit_(max_message_bytes) {}

    // The messages that the bytes completed. A failure (resource_exhausted: too large; internal:
    // compressed though nobody offered that) is in failure().
    std::vector<std::string> feed(std::string_view bytes);
    const std::optional<RpcStatus>& failure() const { return failure_; }
    // The stream may end here: no message has begun.
    bool between_messages() const { return buffer_.empty(); }

  private:
    std::size_t limit_;
    std::string buffer_;  // of the message under way, with its head
    std::optional<RpcStatus> failure_;
};

// "%E2%82%AC" → the bytes; what is no valid escape stays as it is, as the document asks.
std::string percent_decode(std::string_view text);

// grpc-timeout: at most eight digits and a unit, rounded up.
std::string timeout_text(std::chrono::milliseconds timeout);

// The code for an answer without grpc-status.
StatusCode code_for_http(long http_status);
// The decimal code of a trailer; what is no known code is `unknown`.
StatusCode parse_code(std::string_view text);

// Base64 with or without padding, as binary headers are written; nullopt for other characters.
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace osiekit::rpc
