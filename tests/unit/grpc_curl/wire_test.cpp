// The protocol without a network: frames, trailers, codes.
#include <catch2/catch.hpp>

#include "lib/grpc_curl/metadata.hpp"
#include "lib/grpc_curl/wire.hpp"

using namespace osiekit::rpc;
using Messages = std::vector<std::string>;

namespace {

ResponseMetadata metadata(const std::vector<std::string>& lines) {
    ResponseMetadata all;
    for (const std::string& line : lines) all.add_line(line + "\r\n");
    return all;
}

}  // namespace

TEST_CASE("messages are cut at any place of the stream") {
    std::string stream = frame("hello") + frame("") + frame(std::string(300, 'x'));
    REQUIRE(frame("hello") == std::string("\0\0\0\0\5hello", 10));
    for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
        MessageDecoder decoder(300);
        Messages got;
        for (std::size_t at = 0; at < stream.size(); at += piece)
            for (std::string& message : decoder.feed(std::string_view(stream).substr(at, piece)))
                got.push_back(std::move(message));
        REQUIRE(got == Messages{"hello", "", std::string(300, 'x')});
        REQUIRE(decoder.between_messages());
        REQUIRE_FALSE(decoder.failure());
    }
}

TEST_CASE("a message at the limit is taken, one above it is not, and nothing after it") {
    MessageDecoder at(5);
    REQUIRE(at.feed(frame("12345")) == Messages{"12345"});
    REQUIRE(at.feed(frame("123456").substr(0, frame_head_bytes)).empty());
    REQUIRE(at.failure()->code == StatusCode::resource_exhausted);
    REQUIRE(at.feed(frame("1")).empty());
    MessageDecoder compressed(5);
    REQUIRE(compressed.feed(std::string("\1", 1)).empty());
    REQUIRE(compressed.failure()->code == StatusCode::internal);
    MessageDecoder begun(5);
    begun.feed(frame("12345").substr(0, 7));
    REQUIRE_FALSE(begun.between_messages());
}

TEST_CASE("escapes in grpc-message, good ones and others") {
    REQUIRE(percent_decode("caf%C3%A9 100%25") == "caf\xc3\xa9 100%");
    for (const char* text : {"%", "%4", "%zz", "100%", "a%2", "%G0"})
        REQUIRE(percent_decode(text) == text);
    REQUIRE(percent_decode("%41%") == "A%");
}

TEST_CASE("timeouts have at most eight digits") {
    using std::chrono::milliseconds;
    REQUIRE(timeout_text(milliseconds(0)) == "0m");
    REQUIRE(timeout_text(milliseconds(-5)) == "0m");
    REQUIRE(timeout_text(milliseconds(90000)) == "90000m");
    REQUIRE(timeout_text(milliseconds(99999999)) == "99999999m");
    REQUIRE(timeout_text(milliseconds(100000000)) == "100000S");
    REQUIRE(timeout_text(milliseconds(100000001)) == "100001S");
    REQUIRE(timeout_text(std::chrono::hours(24 * 365 * 10)) == "5256000M");
}

TEST_CASE("codes of HTTP and of trailers") {
    REQUIRE(code_for_http(404) == StatusCode::unimplemented);
    REQUIRE(code_for_http(400) == StatusCode::internal);
    REQUIRE(code_for_http(401) == StatusCode::unauthenticated);
    REQUIRE(code_for_http(403) == StatusCode::permission_denied);
    for (long status : {429, 502, 503, 504})
        REQUIRE(code_for_http(status) == StatusCode::unavailable);
    for (long status : {0, 200, 302, 418, 500})
        REQUIRE(code_for_http(status) == StatusCode::unknown);
    REQUIRE(parse_code("0") == StatusCode::ok);
    REQUIRE(parse_code("16") == StatusCode::unauthenticated);
    for (const char* text : {"", "17", "-1", "x", "99999999999999999999"})
        REQUIRE(parse_code(text) == StatusCode::unknown);
}

TEST_CASE("base64 with and without padding") {
    REQUIRE(decode_base64("") == "");
    REQUIRE(decode_base64("YQ==") == "a");
    REQUIRE(decode_base64("YQ") == "a");
    REQUIRE(decode_base64("YWI=") == "ab");
    REQUIRE(decode_base64("+/8") == "\xfb\xff");
    for (const char* text : {"Y", "YQ=a", "Y Q", "YWJj=====", "-_8"})
        REQUIRE_FALSE(decode_base64(text));
}

TEST_CASE("how a call ended, from headers and trailers") {
    auto good = metadata({"HTTP/2 200", "content-type: application/grpc+proto", ""});
    REQUIRE(good.is_grpc());
    REQUIRE_FALSE(good.ended());
    REQUIRE(good.status().code == StatusCode::internal);
    for (const char* line : {"grpc-status: 9\r\n", "grpc-message: nothing%20to do\r\n",
                             "grpc-status-details-bin: YWJj\r\n"})
        REQUIRE(good.add_line(line));
    REQUIRE_FALSE(good.ended());
    REQUIRE(good.add_line("\r\n"));
    REQUIRE(good.ended());
    REQUIRE(good.status().code == StatusCode::failed_precondition);
    REQUIRE(good.status().message == "nothing to do");
    REQUIRE(good.status().details == "abc");

    auto trailers_only = metadata(
        {"HTTP/2 200", "content-type: application/grpc", "grpc-status: 12", "grpc-message: x", ""});
    REQUIRE(trailers_only.ended());
    REQUIRE(trailers_only.status().code == StatusCode::unimplemented);
    REQUIRE(metadata({"HTTP/2 503", ""}).status().code == StatusCode::unavailable);
    REQUIRE(metadata({"HTTP/2 200", "content-type: text/html", ""}).status().code ==
            StatusCode::unknown);
    REQUIRE_FALSE(metadata({"HTTP/2 200", "content-type: application/grpcweb", ""}).is_grpc());
    // A code from a gateway counts more than its HTTP status.
    REQUIRE(metadata({"HTTP/2 503", "grpc-status: 7", ""}).status().code ==
            StatusCode::permission_denied);
}

TEST_CASE("headers have a limit, and HTTP/1.1 is no gRPC") {
    ResponseMetadata at;
    REQUIRE(at.add_line(std::string(ResponseMetadata::max_bytes, 'a')));
    REQUIRE_FALSE(at.add_line("b"));
    REQUIRE(at.status().code == StatusCode::resource_exhausted);
    ResponseMetadata old;
    REQUIRE_FALSE(old.add_line("HTTP/1.1 200 OK\r\n"));
    REQUIRE_FALSE(old.add_line("grpc-status: 0\r\n"));
    REQUIRE(old.status().code == StatusCode::unavailable);
}
