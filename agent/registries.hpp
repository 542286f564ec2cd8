#pragma once

#include <optional>

#include "agent/settings.hpp"
#include "lib/base/result.hpp"
#include "lib/oci/layout_source.hpp"
#include "lib/oci/registry_options.hpp"

namespace osiekit::agent {

// Where the machine's image says how its registries are reached, unless the settings name other
// files. Each may be missing.
inline constexpr const char* default_registry_config = "/etc/osie/registries/config.json";
inline constexpr const char* default_registry_hosts = "/etc/osie/registries/hosts.json";
inline constexpr const char* default_registry_ca = "/etc/osie/registries/ca.pem";
inline constexpr const char* default_images = "/usr/share/osie/images";

// What the settings say of registries: credentials, mirrors, certificates, plain HTTP. The files
// are read now, so that a machine can be mended while the agent runs. Errors: a file that was asked
// for is missing, or one cannot be understood (docs/registries.md).
Result<oci::RegistryOptions> registry_options(const Settings& settings);

// The images that the machine carries with it; nullopt: none. Errors: a layout that was asked for
// is missing, or what is there is none.
Result<std::optional<oci::LayoutSource>> embedded_images(const Settings& settings);

// Puts the settings' proxies where libcurl looks for them: into the environment, in lower case.
// Call before any thread exists.
void export_proxies(const Settings& settings);

}  // namespace osiekit::agent
