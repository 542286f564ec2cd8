#include "agent/action.hpp"

#include <algorithm>

namespace osiekit::agent {

std::string human_duration(std::chrono::milliseconds duration) {
    auto ms = std::max<std::int64_t>(duration.count(), 0);
    auto text = [](std::int64_t number, const char* unit) { return std::to_string(number) + unit; };
    if (ms < 1000) return text(ms, "ms");
    std::int64_t seconds = ms / 1000;
    if (seconds < 60) return text(seconds, "s");
    std::int64_t minutes = seconds / 60;
    if (minutes < 60) {
        std::int64_t rest = seconds % 60;
        return text(minutes, "m") + (rest > 0 ? text(rest, "s") : "");
    }
    std::int64_t rest = minutes % 60;
    return text(minutes / 60, "h") + (rest > 0 ? text(rest, "m") : "");
}

std::string ascii_text(std::string text) {
    for (char& c : text)
        if (static_cast<unsigned char>(c) >= 0x80) c = '?';
    return text;
}

std::string_view to_string(OutcomeState state) {
    switch (state) {
        case OutcomeState::success:
            return "SUCCESS";
        case OutcomeState::timeout:
            return "TIMEOUT";
        case OutcomeState::failed:
            break;
    }
    return "FAILED";
}

}  // namespace osiekit::agent
