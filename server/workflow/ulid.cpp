#include "server/workflow/ulid.hpp"

#include <sys/random.h>

#include <array>
#include <string_view>

namespace osiekit::server {

std::string make_ulid(UnixMillis now) {
    constexpr std::string_view alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    std::array<unsigned char, 16> random{};
    // Up to 256 bytes never come back short once the kernel's pool is ready.
    [[maybe_unused]] auto n = ::getrandom(random.data(), random.size(), 0);
    std::string id(26, '0');
    auto time = static_cast<std::uint64_t>(now);
    for (std::size_t i = 10; i > 0; --i, time >>= 5U) id[i - 1] = alphabet[time & 31U];
    for (std::size_t i = 0; i < 16; ++i) id[10 + i] = alphabet[random[i] & 31U];
    return id;
}

}  // namespace osiekit::server
