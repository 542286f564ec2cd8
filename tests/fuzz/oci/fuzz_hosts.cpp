#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "lib/oci/registry_hosts.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using osiekit::oci::RegistryHosts;
    std::string_view text(reinterpret_cast<const char*>(data), size);
    auto parsed = RegistryHosts::parse(text);
    if (!parsed) return 0;
    for (const char* registry : {"docker.io", "r.example:5000"}) {
        auto endpoints = parsed->endpoints(registry, registry, false);
        if (endpoints.size() > RegistryHosts::max_mirrors + 1) std::abort();
        bool resolves = false;
        for (const auto& endpoint : endpoints) {
            resolves = resolves || endpoint.may_resolve;
            if (endpoint.host.empty() || endpoint.base.rfind("http", 0) != 0) std::abort();
            for (const std::string& header : endpoint.headers)
                if (header.find_first_of("\r\n") != std::string::npos) std::abort();
        }
        if (!resolves) std::abort();
    }
    return 0;
}
