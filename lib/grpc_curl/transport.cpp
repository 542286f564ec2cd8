#include "lib/grpc_curl/transport.hpp"

#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <mutex>

namespace osiekit::rpc {
namespace {

void initialise_library() {
    // libcurl asks for one call before any thread uses it.
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

int on_socket(void*, curl_socket_t socket, curlsocktype) {
    auto set = [socket](int level, int option, long value) {
        int number = static_cast<int>(value);
        ::setsockopt(socket, level, option, &number, sizeof number);
    };
    set(SOL_SOCKET, SO_KEEPALIVE, 1);
    set(IPPROTO_TCP, TCP_KEEPIDLE, Channel::keepalive_idle.count());
    set(IPPROTO_TCP, TCP_KEEPINTVL, Channel::keepalive_interval.count());
    set(IPPROTO_TCP, TCP_KEEPCNT,
        (Channel::peer_dead_after - Channel::keepalive_idle) / Channel::keepalive_interval);
    set(IPPROTO_TCP, TCP_USER_TIMEOUT, std::chrono::milliseconds(Channel::peer_dead_after).count());
    return CURL_SOCKOPT_OK;
}

CURLcode on_tls_context(CURL*, void* context, void*) {
    const std::array<unsigned char, 3> h2 = {2, 'h', '2'};
    return SSL_CTX_set_alpn_protos(static_cast<SSL_CTX*>(context), h2.data(), h2.size()) == 0
               ? CURLE_OK
               : CURLE_SSL_CONNECT_ERROR;
}

int on_progress(void* give_up, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return *static_cast<const std::atomic<bool>*>(give_up) ? 1 : 0;
}

void set_tls(CURL* handle, const ChannelOptions& options) {
    if (options.insecure_tls) {
        curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (options.ca_pem.empty()) return;
    curl_blob blob{const_cast<char*>(options.ca_pem.data()), options.ca_pem.size(),
                   CURL_BLOB_NOCOPY};
    curl_easy_setopt(handle, CURLOPT_CAINFO_BLOB, &blob);
    curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
}

void set_options(CURL* handle, const ChannelOptions& options, std::chrono::milliseconds timeout) {
    std::string url = (options.tls ? "https://" : "http://") + options.target + "/";
    curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_CONNECT_ONLY, 1L);
    // libcurl would speak HTTP/2 by itself on what it negotiated by itself, in our way.
    curl_easy_setopt(handle, CURLOPT_SSL_ENABLE_ALPN, 0L);
    curl_easy_setopt(handle, CURLOPT_SSL_CTX_FUNCTION, on_tls_context);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS,
                     std::max(1L, static_cast<long>(timeout.count())));
    curl_easy_setopt(handle, CURLOPT_SOCKOPTFUNCTION, on_socket);
    // An empty text keeps libcurl from taking one from the environment.
    curl_easy_setopt(handle, CURLOPT_PROXY, options.proxy.c_str());
    if (!options.proxy.empty()) {
        curl_easy_setopt(handle, CURLOPT_HTTPPROXYTUNNEL, 1L);
        curl_easy_setopt(handle, CURLOPT_NOPROXY, options.no_proxy.c_str());
    }
    set_tls(handle, options);
}

Error broken(CURLcode code) {
    return {ErrorKind::network, curl_easy_strerror(code)};
}

}  // namespace

Transport::~Transport() {
    curl_easy_cleanup(handle_);
}

Result<std::unique_ptr<Transport>> Transport::connect(const ChannelOptions& options,
                                                      std::chrono::milliseconds timeout,
                                                      const std::atomic<bool>& give_up) {
    initialise_library();
    CURL* handle = curl_easy_init();
    if (handle == nullptr) return Error(ErrorKind::internal, "libcurl could not be started");
    std::unique_ptr<Transport> transport(new Transport(handle));
    set_options(handle, options, timeout);
    curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(handle, CURLOPT_XFERINFODATA, const_cast<std::atomic<bool>*>(&give_up));
    std::array<char, CURL_ERROR_SIZE> detail{};
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, detail.data());
    CURLcode code = curl_easy_perform(handle);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, nullptr);
    curl_socket_t socket = CURL_SOCKET_BAD;
    if (code == CURLE_OK) code = curl_easy_getinfo(handle, CURLINFO_ACTIVESOCKET, &socket);
    if (code == CURLE_OK && socket == CURL_SOCKET_BAD) code = CURLE_COULDNT_CONNECT;
    if (code != CURLE_OK)
        return Error(ErrorKind::network,
                     detail[0] != '\0' ? detail.data() : curl_easy_strerror(code));
    transport->fd_ = socket;
    return transport;
}

Result<std::size_t> Transport::send(std::string_view bytes) {
    std::size_t sent = 0;
    CURLcode code = curl_easy_send(handle_, bytes.data(), bytes.size(), &sent);
    if (code == CURLE_AGAIN) return std::size_t{0};
    if (code != CURLE_OK) return broken(code);
    return sent;
}

Result<std::size_t> Transport::receive(char* target, std::size_t size) {
    std::size_t received = 0;
    CURLcode code = curl_easy_recv(handle_, target, size, &received);
    if (code == CURLE_AGAIN) return std::size_t{0};
    if (code != CURLE_OK) return broken(code);
    if (received == 0) return Error(ErrorKind::network, "the server closed the connection");
    return received;
}

}  // namespace osiekit::rpc
