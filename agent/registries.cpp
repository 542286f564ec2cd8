#include "agent/registries.hpp"

#include <cstdlib>
#include <filesystem>
#include <utility>

#include "agent/trust.hpp"
#include "lib/base/file.hpp"

namespace osiekit::agent {
namespace {

// The file that was asked for; or the one that is used when it is there; or none.
std::string chosen(const std::string& given, const char* usual) {
    std::error_code failure;
    if (!given.empty() || !std::filesystem::exists(usual, failure)) return given;
    return usual;
}

}  // namespace

Result<oci::RegistryOptions> registry_options(const Settings& settings) {
    oci::RegistryOptions options;
    options.insecure = settings.insecure_registries;
    options.credentials_host = settings.registry;
    options.user = settings.registry_user;
    options.password = settings.registry_password;
    if (auto path = chosen(settings.registry_config, default_registry_config); !path.empty()) {
        OSIEKIT_ASSIGN(options.credentials, oci::Credentials::read_docker_config(path));
    }
    if (auto path = chosen(settings.registry_hosts, default_registry_hosts); !path.empty()) {
        OSIEKIT_ASSIGN(options.hosts, oci::RegistryHosts::read(path));
    }
    options.ca_file = chosen(settings.registry_ca, default_registry_ca);
    if (options.ca_file.empty()) return options;
    auto pem = read_file(options.ca_file, max_certificates_bytes);
    if (!pem) return std::move(pem).error().context("the registries' certificates");
    OSIEKIT_TRY(check_certificates(*pem, options.ca_file));
    return options;
}

Result<std::optional<oci::LayoutSource>> embedded_images(const Settings& settings) {
    std::string directory = chosen(settings.images, default_images);
    if (directory.empty()) return std::optional<oci::LayoutSource>();
    OSIEKIT_ASSIGN(auto layout, oci::LayoutSource::open(directory));
    return std::optional<oci::LayoutSource>(std::move(layout));
}

void export_proxies(const Settings& settings) {
    auto set = [](const char* name, const std::string& value) {
        if (!value.empty()) ::setenv(name, value.c_str(), 1);
    };
    set("http_proxy", settings.http_proxy);
    set("https_proxy", settings.https_proxy);
    set("no_proxy", settings.no_proxy);
}

}  // namespace osiekit::agent
