// Below gRPC: TLS, servers that are none, servers that break off.
#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <memory>
#include <thread>

#include "lib/base/fd.hpp"
#include "lib/grpc_curl/channel.hpp"
#include "tests/unit/grpc_curl/generic_server.hpp"

using namespace osiekit::rpc;
using osiekit::Fd;

namespace {

struct Certificate {
    std::string pem;
    std::string key;
};

std::string text_of(BIO* bio) {
    char* data = nullptr;
    long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(size)};
}

// Signed by itself, for "localhost".
Certificate make_certificate() {
    std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    std::unique_ptr<X509, void (*)(X509*)> certificate(X509_new(), X509_free);
    X509* x = certificate.get();
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509_set_pubkey(x, key.get());
    X509_EXTENSION* name =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost");
    X509_add_ext(x, name, -1);
    X509_EXTENSION_free(name);
    X509_sign(x, key.get(), EVP_sha256());
    std::unique_ptr<BIO, int (*)(BIO*)> out(BIO_new(BIO_s_mem()), BIO_free);
    Certificate made;
    PEM_write_bio_X509(out.get(), x);
    made.pem = text_of(out.get());
    out.reset(BIO_new(BIO_s_mem()));
    PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    made.key = text_of(out.get());
    return made;
}

// Accepts once, reads something, answers with these bytes and closes.
class OnePeer {
  public:
    explicit OnePeer(std::string answer) {
        listener_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        REQUIRE(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
        REQUIRE(::listen(listener_.get(), 1) == 0);
        ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length);
        target = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
        thread_ = std::thread([this, answer = std::move(answer)] {
            Fd peer(::accept(listener_.get(), nullptr, nullptr));
            std::string buffer(1024, '\0');
            if (::recv(peer.get(), buffer.data(), buffer.size(), 0) <= 0) return;
            ::send(peer.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
            ::shutdown(peer.get(), SHUT_WR);
            // Until the client is gone, so that no reset overtakes the answer.
            while (::recv(peer.get(), buffer.data(), buffer.size(), 0) > 0) {
            }
        });
    }
    OnePeer(const OnePeer&) = delete;
    OnePeer& operator=(const OnePeer&) = delete;
    ~OnePeer() { thread_.join(); }
    std::string target;

  private:
    Fd listener_;
    std::thread thread_;
};

RpcStatus ask(const ChannelOptions& options, const std::string& path = "/t/Echo") {
    auto channel = Channel::create(options).value();
    std::string answer;
    return channel->unary(path, "x", answer);
}

std::string http2_frame(char type, char flags, char stream, const std::string& payload) {
    std::string head = {0, 0, static_cast<char>(payload.size()), type, flags, 0, 0, 0, stream};
    return head + payload;
}
const std::string settings = http2_frame(4, 0, 0, "");
const std::string response_head =
    // :status 200; content-type: application/grpc, without Huffman coding.
    http2_frame(1, 4, 1, std::string("\x88\x0f\x10\x10", 4) + "application/grpc");

}  // namespace

TEST_CASE("TLS is checked against the given certificates, or not at all when told so") {
    Certificate certificate = make_certificate();
    grpc::SslServerCredentialsOptions tls;
    tls.pem_key_cert_pairs = {{certificate.key, certificate.pem}};
    GenericServer server(grpc::SslServerCredentials(tls));
    ChannelOptions options;
    options.tls = true;
    options.target = server.target();
    auto stranger = ask(options);
    REQUIRE(stranger.code == StatusCode::unavailable);
    REQUIRE(stranger.message.find("certificate") != std::string::npos);
    options.ca_pem = certificate.pem;
    auto known = ask(options);
    INFO(known.message);
    REQUIRE(known.ok());
    options.target = "127.0.0.1:" + std::to_string(server.port());
    REQUIRE(ask(options).code == StatusCode::unavailable);
    options.insecure_tls = true;
    REQUIRE(ask(options).ok());
    options.ca_pem = make_certificate().pem;
    options.insecure_tls = false;
    options.target = server.target();
    REQUIRE(ask(options).code == StatusCode::unavailable);
    options.tls = false;
    REQUIRE(ask(options).code == StatusCode::unavailable);
}

TEST_CASE("what is no gRPC server is unavailable or unimplemented, with a reason") {
    ChannelOptions options;
    for (const std::string& answer :
         {std::string("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"), std::string(),
          std::string("220 mail.example ESMTP\r\n"), std::string(300, '\xff'), settings}) {
        OnePeer peer(answer);
        options.target = peer.target;
        auto status = ask(options);
        REQUIRE(status.code == StatusCode::unavailable);
        REQUIRE_FALSE(status.message.empty());
    }
    {
        // :status 404 and the end of the stream.
        OnePeer peer(settings + http2_frame(1, 5, 1, "\x8d"));
        options.target = peer.target;
        REQUIRE(ask(options).code == StatusCode::unimplemented);
    }
}

TEST_CASE("answers that are cut are no answers") {
    ChannelOptions options;
    const std::string whole = frame("hello");
    struct Case {
        std::string bytes;
        StatusCode code;
    };
    const std::string end = http2_frame(1, 5, 1,
                                        std::string("\0\x0bgrpc-status\x01"
                                                    "0",
                                                    15));
    const std::vector<Case> cases = {
        // The connection ends after the head, within a message, after a message.
        {settings + response_head, StatusCode::unavailable},
        {settings + response_head + http2_frame(0, 0, 1, whole.substr(0, 7)),
         StatusCode::unavailable},
        {settings + response_head + http2_frame(0, 0, 1, whole), StatusCode::unavailable},
        // The stream is reset: internal error, then refused.
        {settings + response_head + http2_frame(3, 0, 1, std::string("\0\0\0\2", 4)),
         StatusCode::unavailable},
        // Whole for HTTP, not for gRPC.
        {settings + response_head + http2_frame(0, 1, 1, whole), StatusCode::internal},
        {settings + response_head + http2_frame(0, 0, 1, whole.substr(0, 7)) + end,
         StatusCode::internal},
        {settings + response_head + end, StatusCode::internal},
        {settings + response_head + http2_frame(0, 0, 1, whole) + end, StatusCode::ok},
        // A GOAWAY that says that this stream was not looked at.
        {settings + http2_frame(7, 0, 0, std::string("\0\0\0\0\0\0\0\0", 8)),
         StatusCode::unavailable},
    };
    for (const Case& one : cases) {
        OnePeer peer(one.bytes);
        options.target = peer.target;
        auto status = ask(options);
        INFO("case " << &one - cases.data() << ": " << status.message);
        REQUIRE(status.code == one.code);
    }
}

TEST_CASE("nobody there is unavailable") {
    ChannelOptions options;
    options.target = "127.0.0.1:1";
    auto status = ask(options);
    REQUIRE(status.code == StatusCode::unavailable);
    REQUIRE_FALSE(status.message.empty());
    options.target = "host.invalid:1";
    REQUIRE(ask(options).code == StatusCode::unavailable);
}
