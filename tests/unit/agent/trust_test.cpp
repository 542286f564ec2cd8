#include "agent/trust.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>

#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"

using namespace osiekit;
using namespace osiekit::agent;

namespace {

class SslCertFile {
  public:
    explicit SslCertFile(const std::string& file) {
        if (const char* old = std::getenv(name)) before_ = old;
        ::setenv(name, file.c_str(), 1);
    }
    SslCertFile(const SslCertFile&) = delete;
    SslCertFile& operator=(const SslCertFile&) = delete;
    ~SslCertFile() {
        if (before_)
            ::setenv(name, before_->c_str(), 1);
        else
            ::unsetenv(name);
    }

  private:
    static constexpr const char* name = "SSL_CERT_FILE";
    std::optional<std::string> before_;
};

std::string certificate(const std::string& what) {
    return "-----BEGIN CERTIFICATE-----\n" + what + "\n-----END CERTIFICATE-----\n";
}

}  // namespace

TEST_CASE("SSL_CERT_FILE stands in for the system's authorities") {
    TempDir directory = TempDir::create("trust").value();
    REQUIRE(write_file(directory / "named.pem", certificate("named")));
    REQUIRE(write_file(directory / "own.pem", certificate("own")));
    Settings settings;
    settings.tls = true;
    SslCertFile variable(directory / "named.pem");
    CHECK(trusted_certificates(settings).value() == certificate("named"));
    settings.ca_file = directory / "own.pem";
    CHECK(trusted_certificates(settings).value() ==
          certificate("own") + "\n" + certificate("named"));
    settings.tls = false;
    CHECK(trusted_certificates(settings).value().empty());
}

TEST_CASE("a file that SSL_CERT_FILE names has to be one of certificates") {
    TempDir directory = TempDir::create("trust").value();
    Settings settings;
    settings.tls = true;
    {
        SslCertFile variable(directory / "missing.pem");
        auto trusted = trusted_certificates(settings);
        REQUIRE_FALSE(trusted);
        CHECK(trusted.error().message().find("missing.pem") != std::string::npos);
    }
    REQUIRE(write_file(directory / "empty.pem", ""));
    SslCertFile variable(directory / "empty.pem");
    auto trusted = trusted_certificates(settings);
    REQUIRE_FALSE(trusted);
    CHECK(trusted.error().kind() == ErrorKind::invalid_input);
}
