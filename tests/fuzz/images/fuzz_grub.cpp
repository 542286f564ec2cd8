#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "images/kexec/grub.hpp"

// GRUB's configuration on a disk that somebody else wrote.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace osiekit::images::kexec;
    auto entry = default_entry({reinterpret_cast<const char*>(data), size});
    if (!entry) return 0;
    if (entry->kernel.empty() || entry->kernel.size() > max_grub_statement_bytes) std::abort();
    if (entry->arguments.size() > 2 * max_grub_statement_bytes) std::abort();
    if (entry->initrds.size() > max_grub_initrds) std::abort();
    return 0;
}
