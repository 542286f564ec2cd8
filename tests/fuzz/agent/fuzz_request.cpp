#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "agent/supervisor.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace osiekit::agent;
    auto request = decode_supervisor_request({reinterpret_cast<const char*>(data), size});
    if (!request) return 0;
    auto bytes = encode(*request);
    auto again = decode_supervisor_request(bytes);
    if (!again || encode(*again) != bytes) std::abort();
    return 0;
}
