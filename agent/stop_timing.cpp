#include "agent/stop_timing.hpp"

#include <cstring>
#include <optional>
#include <string>

#include "lib/base/text.hpp"

namespace osiekit::agent {

int stop_signal(std::string_view text) {
    if (auto number = parse_u64(text))
        return *number > 0 && *number < NSIG ? static_cast<int>(*number) : SIGTERM;
    std::string name(text);
    for (char& c : name) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    if (name.rfind("SIG", 0) == 0) name.erase(0, 3);
    // Image configurations write RTMIN, RTMIN+3 and RTMAX-1 (OCI image-spec, StopSignal).
    bool from_above = name.rfind("RTMAX", 0) == 0;
    if (from_above || name.rfind("RTMIN", 0) == 0) {
        std::string_view rest = std::string_view(name).substr(5);
        std::uint64_t offset = 0;
        if (!rest.empty()) {
            auto number =
                rest.front() == (from_above ? '-' : '+') ? parse_u64(rest.substr(1)) : std::nullopt;
            if (!number || *number > static_cast<std::uint64_t>(SIGRTMAX - SIGRTMIN))
                return SIGTERM;
            offset = *number;
        }
        int distance = static_cast<int>(offset);
        return from_above ? SIGRTMAX - distance : SIGRTMIN + distance;
    }
    for (int number = 1; number < NSIG; ++number) {
        const char* known = ::sigabbrev_np(number);
        if (known != nullptr && name == known) return number;
    }
    return SIGTERM;
}

}  // namespace osiekit::agent
