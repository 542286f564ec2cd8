// The first line is the User, the rest serves as passwd and as group.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "agent/users.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    std::size_t end = std::min(text.find('\n'), text.size());
    auto user =
        osiekit::agent::look_up_user(text.substr(0, end), text.substr(end), text.substr(end));
    if (user && (user->home.empty() || user->uid == 0xffffffff)) std::abort();
    return 0;
}
