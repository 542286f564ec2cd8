// The answer of a server: header lines up to an empty one, a body, trailers behind the last '\f'.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "lib/base/text.hpp"
#include "lib/grpc_curl/metadata.hpp"
#include "lib/grpc_curl/wire.hpp"

using namespace osiekit::rpc;

namespace {

constexpr std::size_t limit = 1000;

std::vector<std::string> decode(std::string_view body, std::size_t piece) {
    MessageDecoder decoder(limit);
    std::vector<std::string> messages;
    for (std::size_t at = 0; at < body.size(); at += piece)
        for (std::string& message : decoder.feed(body.substr(at, piece))) {
            if (message.size() > limit) std::abort();
            messages.push_back(std::move(message));
        }
    return messages;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view input(reinterpret_cast<const char*>(data), size);
    std::size_t head_end = std::min(input.find("\n\n"), input.size());
    std::size_t trailers = input.rfind('\f');
    ResponseMetadata metadata;
    for (std::string_view line : osiekit::split(input.substr(0, head_end), '\n'))
        metadata.add_line(line);
    metadata.add_line("");
    std::string_view body = input.substr(std::min(head_end + 2, input.size()));
    // However the stream is cut, the messages are the same.
    if (decode(body, 1) != decode(body, body.size() + 1)) std::abort();
    if (trailers != std::string_view::npos)
        for (std::string_view line : osiekit::split(input.substr(trailers + 1), '\n'))
            metadata.add_line(line);
    RpcStatus status = metadata.status();
    if (static_cast<int>(status.code) < 0 || static_cast<int>(status.code) > 16) std::abort();
    if (percent_decode(body).size() > body.size()) std::abort();
    decode_base64(body);
    return 0;
}
