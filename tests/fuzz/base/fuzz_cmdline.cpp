#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "lib/base/cmdline.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto line = osiekit::KernelCommandLine::parse({reinterpret_cast<const char*>(data), size});
    for (const auto& [key, value] : line.values())
        if (!line.has(key) || line.get(key) != value) std::abort();
    return 0;
}
