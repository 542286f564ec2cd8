#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/grpc_curl/status.hpp"

namespace osiekit::rpc {

// Reads the headers and trailers of one answer, line by line as libcurl hands them over, and says
// how the call ended. Headers and trailers may carry the same names; the later one counts, which
// also covers answers that are only trailers.
class ResponseMetadata {
  public:
    // Of all header lines together; more than any server of ours or Tinkerbell's sends.
    static constexpr std::size_t max_bytes = 64U << 10U;

    // "HTTP/2 200", "name: value" or the empty line, with or without line end. False: the limit is
    // exceeded or the peer does not speak HTTP/2; status() says so from then on.
    bool add_line(std::string_view line);

    long http_status() const { return http_status_; }
    // grpc-status was there, and the block it was in is complete.
    bool ended() const { return ended_; }
    // The HTTP status and the content type are those of a gRPC answer, whose body is messages.
    bool is_grpc() const { return http_status_ == 200 && grpc_content_; }
    // How the call ended, given that the stream is over and was whole.
    RpcStatus status() const;

  private:
    void add_field(std::string_view name, std::string_view value);

    std::size_t bytes_ = 0;
    long http_status_ = 0;
    bool grpc_content_ = false;
    bool ended_ = false;
    std::string content_type_;
    std::optional<StatusCode> code_;
    std::string message_;
    std::string details_;
    std::optional<RpcStatus> failure_;
};

}  // namespace osiekit::rpc
