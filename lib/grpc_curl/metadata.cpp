#include "lib/grpc_curl/metadata.hpp"

#include "lib/base/text.hpp"
#include "lib/grpc_curl/wire.hpp"

namespace osiekit::rpc {

bool ResponseMetadata::add_line(std::string_view line) {
    if (failure_) return false;
    bytes_ += line.size();
    if (bytes_ > max_bytes) {
        failure_ = RpcStatus{
            StatusCode::resource_exhausted,
            "the server's headers are larger than " + std::to_string(max_bytes) + " bytes",
            {}};
        return false;
    }
    line = trim(line);
    if (line.empty()) {
        ended_ = code_.has_value();
        return true;
    }
    if (line.substr(0, 5) == "HTTP/") {
        if (line.substr(0, 6) != "HTTP/2") {
            failure_ = RpcStatus{
                StatusCode::unavailable, "the server does not speak HTTP/2, which gRPC needs", {}};
            return false;
        }
        auto words = split_words(line);
        http_status_ =
            words.size() > 1 ? static_cast<long>(parse_u64(words[1]).value_or(0) % 1000) : 0;
        return true;
    }
    std::size_t colon = line.find(':');
    if (colon != std::string_view::npos && colon > 0)
        add_field(line.substr(0, colon), trim(line.substr(colon + 1)));
    return true;
}

void ResponseMetadata::add_field(std::string_view name, std::string_view value) {
    if (name == "content-type") {
        content_type_ = value;
        // application/grpc, application/grpc+proto, application/grpc;charset=…
        constexpr std::string_view wanted = "application/grpc";
        grpc_content_ = value.substr(0, wanted.size()) == wanted &&
                        (value.size() == wanted.size() || value[wanted.size()] == '+' ||
                         value[wanted.size()] == ';');
    } else if (name == "grpc-status") {
        code_ = parse_code(value);
    } else if (name == "grpc-message") {
        message_ = percent_decode(value);
    } else if (name == "grpc-status-details-bin") {
        details_ = decode_base64(value).value_or(std::string());
    }
}

RpcStatus ResponseMetadata::status() const {
    if (failure_) return *failure_;
    if (code_) return {*code_, message_, details_};
    if (http_status_ != 200)
        return {code_for_http(http_status_),
                "the server answered with HTTP status " + std::to_string(http_status_),
                {}};
    if (!grpc_content_)
        return {StatusCode::unknown,
                "the server's answer is \"" + printable(content_type_) + "\" and not gRPC",
                {}};
    return {StatusCode::internal, "the server ended the call without saying how it went", {}};
}

}  // namespace osiekit::rpc
