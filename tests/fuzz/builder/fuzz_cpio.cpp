#include <cstdint>
#include <cstdlib>

#include "builder/image/inspect.hpp"

using namespace osiekit::builder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::uint64_t limit = 1U << 20U;
    auto inspection = inspect_initramfs({reinterpret_cast<const char*>(data), size}, limit);
    if (inspection && inspection->unpacked > limit) std::abort();
    return 0;
}
