#include "agent/trust.hpp"

#include "lib/base/file.hpp"
#include "lib/http/http_client.hpp"

namespace osiekit::agent {

Status check_certificates(const std::string& pem, const std::string& where) {
    if (pem.find("-----BEGIN CERTIFICATE-----") != std::string::npos) return {};
    return Error(ErrorKind::invalid_input, where + ": there is no PEM certificate in it")
        .hint("give the certificate of the authority that signed the other side's");
}

Result<std::string> trusted_certificates(const Settings& settings) {
    if (!settings.tls || settings.insecure_tls) return std::string();
    if (!settings.ca_file.empty()) {
        OSIEKIT_ASSIGN(std::string own, read_file(settings.ca_file, max_certificates_bytes));
        OSIEKIT_TRY(check_certificates(own, settings.ca_file));
        // An image may have none of the system's.
        auto system = read_file(http::system_authorities(), max_certificates_bytes);
        return own + "\n" + (system ? *system : "");
    }
    if (settings.cert_url.empty()) {
        std::string named = http::system_authorities();
        if (named == http::system_bundle) return std::string();
        OSIEKIT_ASSIGN(std::string pem, read_file(named, max_certificates_bytes));
        OSIEKIT_TRY(check_certificates(pem, named));
        return pem;
    }
    http::Client client;
    http::Request request;
    request.url = settings.cert_url;
    request.body_limit = max_certificates_bytes;
    OSIEKIT_ASSIGN(auto response, client.perform(request));
    if (response.status != 200)
        return Error(ErrorKind::refused,
                     settings.cert_url + ": HTTP status " + std::to_string(response.status));
    OSIEKIT_TRY(check_certificates(response.body, settings.cert_url));
    return std::move(response.body);
}

}  // namespace osiekit::agent
