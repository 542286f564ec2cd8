#pragma once

#include <google/protobuf/message_lite.h>

#include <string>

#include "lib/grpc_curl/channel.hpp"

// Protobuf messages, of the lite or the full runtime, over a Channel.
namespace osiekit::rpc {

// `internal` for an answer that is no such message.
inline RpcStatus call_unary(Channel& channel, const std::string& path,
                            const google::protobuf::MessageLite& request,
                            google::protobuf::MessageLite& response,
                            const CallOptions& options = {}) {
    std::string bytes;
    RpcStatus status = channel.unary(path, request.SerializeAsString(), bytes, options);
    if (status.ok() && !response.ParseFromString(bytes))
        return {StatusCode::internal, "the server's answer is no " + response.GetTypeName(), {}};
    return status;
}

// The next message of a stream into `message`. False: the call is over, or (with `internal`) the
// message cannot be read; finish() of the call says how it ended.
inline bool read_message(Call& call, google::protobuf::MessageLite& message) {
    auto bytes = call.read();
    return bytes && message.ParseFromString(*bytes);
}

}  // namespace osiekit::rpc
