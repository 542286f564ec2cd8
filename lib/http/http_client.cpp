#include "lib/http/http_client.hpp"

#include <curl/curl.h>

#include <array>
#include <cstdlib>
#include <mutex>
#include <utility>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::http {
namespace {

constexpr std::uint64_t max_ca_bytes = 8U << 20U;

struct Transfer {
    const Request* request = nullptr;
    CURL* handle = nullptr;
    Response response;
    std::optional<Error> failure;
    bool headers_given = false;

    bool success() const { return response.status >= 200 && response.status < 300; }
    // Reports the headers once; false when the caller stopped.
    bool give_headers() {
        if (headers_given) return true;
        headers_given = true;
        curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &response.status);
        if (!request->on_headers || request->on_headers(response.status, response.headers))
            return true;
        failure = Error(ErrorKind::cancelled, "stopped by the caller");
        return false;
    }
};

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* pointer) {
    auto& transfer = *static_cast<Transfer*>(pointer);
    std::string_view line(data, size * count);
    if (line.substr(0, 5) == "HTTP/") {
        transfer.response.headers.clear();
        return line.size();
    }
    std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return line.size();
    std::string name = to_lower(line.substr(0, colon));
    std::string& value = transfer.response.headers[name];
    bool list = (name == "www-authenticate" || name == "warning") && !value.empty();
    value = (list ? value + ", " : std::string()) + std::string(trim(line.substr(colon + 1)));
    return line.size();
}

std::size_t on_data(char* data, std::size_t size, std::size_t count, void* pointer) {
    auto& transfer = *static_cast<Transfer*>(pointer);
    std::string_view piece(data, size * count);
    if (!transfer.give_headers()) return 0;
    if (transfer.request->on_body && transfer.success()) {
        if (auto done = transfer.request->on_body(piece); !done) {
            transfer.failure = std::move(done).error();
            return 0;
        }
        return piece.size();
    }
    if (transfer.response.body.size() + piece.size() > transfer.request->body_limit) {
        transfer.failure =
            Error(ErrorKind::limit, "the answer is larger than " +
                                        std::to_string(transfer.request->body_limit) + " bytes");
        return 0;
    }
    transfer.response.body += piece;
    return piece.size();
}

int on_progress(void* pointer, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    auto& transfer = *static_cast<Transfer*>(pointer);
    if (!transfer.request->cancelled || !transfer.request->cancelled()) return 0;
    transfer.failure = Error(ErrorKind::cancelled, "cancelled");
    return 1;
}

struct HeaderList {
    curl_slist* list = nullptr;
    HeaderList() = default;
    HeaderList(const HeaderList&) = delete;
    HeaderList& operator=(const HeaderList&) = delete;
    ~HeaderList() { curl_slist_free_all(list); }
};

void set_method(CURL* handle, const Request& request) {
    if (request.method == "HEAD") {
        curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
    } else if (request.method != "GET") {
        curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
        curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.data());
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE,
                         static_cast<curl_off_t>(request.body.size()));
    }
    if (request.range_start)
        curl_easy_setopt(handle, CURLOPT_RANGE,
                         (std::to_string(*request.range_start) + "-").c_str());
    if (!request.user.empty()) {
        curl_easy_setopt(handle, CURLOPT_HTTPAUTH, static_cast<long>(CURLAUTH_BASIC));
        curl_easy_setopt(handle, CURLOPT_USERNAME, request.user.c_str());
        curl_easy_setopt(handle, CURLOPT_PASSWORD, request.password.c_str());
    }
}

void set_transport(CURL* handle, const Request& request) {
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, 256L * 1024);
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS,
                     static_cast<long>(request.connect_timeout.count()));
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(request.lowest_speed));
    curl_easy_setopt(handle, CURLOPT_LOW_SPEED_TIME,
                     static_cast<long>(request.stall_timeout.count()));
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, request.max_redirects > 0 ? 1L : 0L);
    curl_easy_setopt(handle, CURLOPT_MAXREDIRS, static_cast<long>(request.max_redirects));
    if (!request.proxy.empty())
        curl_easy_setopt(handle, CURLOPT_PROXY,
                         request.proxy == "DIRECT" ? "" : request.proxy.c_str());
    if (!request.client_certificate.empty()) {
        curl_easy_setopt(handle, CURLOPT_SSLCERT, request.client_certificate.c_str());
        curl_easy_setopt(handle, CURLOPT_SSLKEY, request.client_key.c_str());
    }
    if (request.insecure_tls) {
        curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

// The system's authorities and the extra ones: libcurl's own option would replace the former.
Status set_authorities(CURL* handle, const Request& request) {
    std::string system_file = system_authorities();
    // Else libcurl believes the authorities in the system's directory as well.
    if (system_file != system_bundle) curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
    if (request.ca_file.empty()) {
        curl_easy_setopt(handle, CURLOPT_CAINFO, system_file.c_str());
        return {};
    }
    auto bundle =
        read_file(request.ca_file, max_ca_bytes).context("reading the authorities' certificates");
    if (!bundle) return std::move(bundle).error();
    if (bundle->find("-----BEGIN ") == std::string::npos)
        return Error(ErrorKind::invalid_input, request.ca_file + " holds no PEM certificates");
    // An image may have none of the system's.
    if (auto system = read_file(system_file, max_ca_bytes)) *bundle += "\n" + *system;
    curl_blob blob{bundle->data(), bundle->size(), CURL_BLOB_COPY};
    curl_easy_setopt(handle, CURLOPT_CAINFO_BLOB, &blob);
    return {};
}

void initialise_library() {
    // libcurl asks for one call before any thread uses it.
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

}  // namespace

std::string system_authorities() {
    const char* file = std::getenv("SSL_CERT_FILE");
    return file != nullptr && *file != '\0' ? file : system_bundle;
}

Client::Client() {
    initialise_library();
    handle_ = curl_easy_init();
}

Client::~Client() {
    if (handle_ != nullptr) curl_easy_cleanup(static_cast<CURL*>(handle_));
}

Client::Client(Client&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}

Client& Client::operator=(Client&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
}

Result<Response> Client::perform(const Request& request) {
    auto* handle = static_cast<CURL*>(handle_);
    if (handle == nullptr) return Error(ErrorKind::internal, "libcurl could not be started");
    curl_easy_reset(handle);
    Transfer transfer;
    transfer.request = &request;
    transfer.handle = handle;
    HeaderList headers;
    for (const std::string& header : request.headers)
        headers.list = curl_slist_append(headers.list, header.c_str());
    curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
    set_method(handle, request);
    set_transport(handle, request);
    OSIEKIT_TRY(set_authorities(handle, request));
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.list);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, &transfer);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, &transfer);
    curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &transfer);
    curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
    std::array<char, CURL_ERROR_SIZE> detail{};
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, detail.data());

    CURLcode code = curl_easy_perform(handle);
    curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, nullptr);
    if (code == CURLE_OK && !transfer.give_headers()) code = CURLE_ABORTED_BY_CALLBACK;
    if (transfer.failure)
        return std::move(*transfer.failure).context(request.method + " " + request.url);
    if (code != CURLE_OK) {
        std::string reason = detail[0] != '\0' ? detail.data() : curl_easy_strerror(code);
        return Error(ErrorKind::network, std::move(reason))
            .context(request.method + " " + request.url);
    }
    curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &transfer.response.status);
    char* url = nullptr;
    curl_easy_getinfo(handle, CURLINFO_EFFECTIVE_URL, &url);
    if (url != nullptr) transfer.response.effective_url = url;
    return std::move(transfer.response);
}

std::optional<std::int64_t> parse_date(std::string_view text) {
    time_t seconds = curl_getdate(std::string(text).c_str(), nullptr);
    if (seconds < 0) return std::nullopt;
    return static_cast<std::int64_t>(seconds);
}

}  // namespace osiekit::http
