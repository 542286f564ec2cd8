#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "agent/image_source.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace osiekit::agent;
    auto record = decode_image_record({reinterpret_cast<const char*>(data), size});
    if (!record) return 0;
    // The names of directories: SHA-256 or SHA-512 in lower case.
    for (const std::string& layer : record->diff_ids)
        if ((layer.size() != 64 && layer.size() != 128) ||
            layer.find_first_not_of("0123456789abcdef") != std::string::npos)
            std::abort();
    auto again = decode_image_record(encode(*record));
    if (!again || again->diff_ids != record->diff_ids) std::abort();
    return 0;
}
