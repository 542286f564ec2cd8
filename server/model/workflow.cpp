#include "server/model/workflow.hpp"

#include <array>

namespace osiekit::server {
namespace {

constexpr std::array<std::string_view, 5> names = {"PENDING", "RUNNING", "SUCCESS", "FAILED",
                                                   "TIMEOUT"};

}  // namespace

std::string_view to_string(State state) {
    return names[static_cast<std::size_t>(state)];
}

std::optional<State> parse_state(std::string_view text) {
    for (std::size_t i = 0; i < names.size(); ++i)
        if (names[i] == text) return static_cast<State>(i);
    return std::nullopt;
}

}  // namespace osiekit::server
