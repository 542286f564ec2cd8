#include "server/model/time.hpp"

#include <array>
#include <chrono>
#include <ctime>

namespace osiekit::server {

UnixMillis system_time() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

std::string to_rfc3339(UnixMillis time) {
    if (time == 0) return "-";
    auto seconds = static_cast<std::time_t>(time / 1000);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return {text.data(), size};
}

}  // namespace osiekit::server
