#pragma once

#include <string>
#include <string_view>

#include "lib/http/http_client.hpp"
#include "lib/oci/reference.hpp"
#include "lib/oci/registry_hosts.hpp"

// What the two files of RegistryClient share.
namespace osiekit::oci {

// `kind`: "manifests" or "blobs".
std::string registry_url(const Endpoint& endpoint, const Reference& reference,
                         std::string_view kind, const std::string& name);
// The endpoint's certificates, time limits and headers.
void set_transport(http::Request& request, const Endpoint& endpoint);

}  // namespace osiekit::oci
