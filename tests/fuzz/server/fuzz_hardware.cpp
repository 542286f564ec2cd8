#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/inventory/hardware.hpp"

// A record that is accepted can be stored and read back.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto hardware = osiekit::server::parse_hardware({reinterpret_cast<const char*>(data), size});
    if (!hardware) return 0;
    auto again = osiekit::server::hardware_from_document(hardware->document);
    if (!again || again->macs() != hardware->macs() || again->name != hardware->name) std::abort();
    return 0;
}
