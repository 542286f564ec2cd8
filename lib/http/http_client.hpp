#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"

namespace osiekit::http {

struct Request {
    std::string method = "GET";        // GET, HEAD, POST, PUT…
    std::string url;                   // http and https only
    std::vector<std::string> headers;  // "Name: value"
    std::string body;
    std::optional<std::uint64_t> range_start;  // sends "Range: bytes=N-"
    std::string user;  // Basic credentials; never sent over a redirect to another host
    std::string password;
    std::string ca_file;             // authorities in addition to the system's; PEM
    std::string client_certificate;  // PEM files; both or none
    std::string client_key;
    bool insecure_tls = false;
    // URL of a proxy; "DIRECT": none; empty: the usual environment variables decide.
    std::string proxy;
    std::chrono::milliseconds connect_timeout{10000};
    // Fails when fewer than lowest_speed bytes a second arrive for this long.
    std::chrono::seconds stall_timeout{30};
    std::uint32_t lowest_speed = 1;
    int max_redirects = 10;
    std::uint64_t body_limit = 4U << 20U;  // of a body collected in memory; ignored with on_body
    // Called once with the final status and headers before the body; return false to stop (kind
    // cancelled).
    std::function<bool(long status, const std::map<std::string, std::string>& headers)> on_headers;
    // Called with each piece of a 2xx body; an error it returns ends the transfer and is what get()
    // returns. Bodies of other statuses are collected in Response::body, up to body_limit.
    std::function<Status(std::string_view)> on_body;
    // Called about once a second and with data; return true to stop (kind cancelled).
    std::function<bool()> cancelled;
};

struct Response {
    long status = 0;
    std::map<std::string, std::string>
        headers;  // names in lower case; of the last response in a redirect chain. Several
                  // WWW-Authenticate or Warning headers are joined by ", ", of others the last wins
    std::string body;
    std::string effective_url;
};

// One client keeps its connections open for reuse. Not for use by two threads at once: make one a
// thread. A status of 400 or more is NOT an error here; a broken transport (refused, cut short,
// stalled) is, kind network. A body shorter than its Content-Length is an error. Bodies are never
// decoded (no Accept-Encoding), so digests hold.
class Client {
  public:
    Client();
    ~Client();
    Client(Client&&) noexcept;
    Client& operator=(Client&&) noexcept;

    Result<Response> perform(const Request& request);

  private:
    void* handle_;
};

// The file of the authorities that are trusted here: what SSL_CERT_FILE names, as for OpenSSL's and
// Go's programs, else the system's bundle, which an image may lack.
inline constexpr const char* system_bundle = "/etc/ssl/certs/ca-certificates.crt";
std::string system_authorities();

// The time that an HTTP date names (RFC 9110 section 5.6.7), in seconds since 1970; nullopt for
// anything else.
std::optional<std::int64_t> parse_date(std::string_view text);

}  // namespace osiekit::http
