#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "lib/oci/credentials.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using osiekit::oci::Credentials;
    std::string_view text(reinterpret_cast<const char*>(data), size);
    auto parsed = Credentials::parse_docker_config(text);
    if (!parsed) return 0;
    for (const std::string& place : parsed->places()) {
        std::size_t slash = place.find('/');
        std::string repository = slash == std::string::npos ? "any" : place.substr(slash + 1);
        auto found = parsed->find(place.substr(0, slash), repository);
        if (!found) std::abort();
        // Both go into a header.
        for (const std::string& secret : {found->user, found->password, found->registry_token})
            for (unsigned char c : secret)
                if (c < 0x20 || c == 0x7f) std::abort();
    }
    return 0;
}
