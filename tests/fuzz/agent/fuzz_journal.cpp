#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "agent/journal.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace osiekit::agent;
    auto entry = decode_journal_entry({reinterpret_cast<const char*>(data), size});
    if (!entry) return 0;
    auto again = decode_journal_entry(encode(*entry));
    if (!again || again->phase != entry->phase || again->action_id != entry->action_id)
        std::abort();
    return 0;
}
