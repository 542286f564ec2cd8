#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "agent/volumes.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto mount = osiekit::agent::parse_volume({reinterpret_cast<const char*>(data), size},
                                              {"/named", "/anonymous"});
    if (mount && (!mount->source.is_absolute() || !mount->target.is_absolute())) std::abort();
    return 0;
}
