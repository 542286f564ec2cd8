#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "lib/oci/signature.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto claim = osiekit::oci::parse_claim({reinterpret_cast<const char*>(data), size});
    if (claim && claim->digest.oci().size() < 71) std::abort();
    return 0;
}
