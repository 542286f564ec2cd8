#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "lib/oci/challenge.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    for (const auto& challenge :
         osiekit::oci::parse_challenges({reinterpret_cast<const char*>(data), size}))
        if (challenge.scheme.empty()) std::abort();
    return 0;
}
