#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "lib/oci/reference.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using osiekit::oci::Reference;
    auto parsed = Reference::parse({reinterpret_cast<const char*>(data), size});
    if (!parsed) return 0;
    // The full form of a name is a name for the same thing.
    auto again = Reference::parse(parsed->to_string());
    if (!again || !(*again == *parsed)) std::abort();
    return 0;
}
