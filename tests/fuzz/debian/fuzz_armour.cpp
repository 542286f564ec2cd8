#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "builder/debian/signature.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    auto bytes = osiekit::builder::remove_armour(text);
    if (bytes && (bytes->empty() || bytes->size() > size)) std::abort();
    return 0;
}
