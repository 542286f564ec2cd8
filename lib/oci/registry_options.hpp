#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/oci/credentials.hpp"
#include "lib/oci/registry_hosts.hpp"

namespace osiekit::oci {

struct RegistryOptions {
    std::vector<std::string>
        insecure;  // host[:port] that speak plain HTTP, exactly as in the image
    // Credentials are sent to the registry they are for, and to the token server it names, only.
    Credentials credentials;
    // The same for one registry; they come before `credentials`.
    std::string credentials_host;
    std::string user;
    std::string password;
    RegistryHosts hosts;      // mirrors, certificates
    std::string ca_file;      // authorities in addition to the system's, for every registry
    int attempts = 5;         // of each request to the last endpoint, the first included
    int mirror_attempts = 2;  // of each request to an endpoint that has another one behind it
    // All of these may be called by several threads at once. Passed in so that tests do not sleep;
    // empty: the real ones.
    std::function<void(std::chrono::milliseconds)> sleep;
    std::function<double()> random;     // [0, 1)
    std::function<std::int64_t()> now;  // seconds since 1970, for Retry-After and tokens
    std::function<bool()> cancelled;
    std::function<void(std::string_view)> log;  // what a person may want to know of retries
};

}  // namespace osiekit::oci
