#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace osiekit::agent {

using WallClock = std::chrono::system_clock;

// What the server asks to be done (the ActionResponse of the protocol, as a value).
struct Action {
    std::string workflow_id;
    std::string task_id;
    std::string action_id;
    std::string name;
    std::string image;
    std::chrono::seconds timeout{0};
    std::vector<std::string> command;  // arguments after the image's entrypoint
    std::vector<std::string> volumes;  // host:container[:options]
    std::vector<std::string> environment;
    std::string pid_namespace;
    std::string network_namespace;
};

// Servers that send no timeout mean this one (tink-worker's; tink-agent would fail at once).
inline constexpr std::chrono::hours default_timeout{1};

enum class OutcomeState { success, failed, timeout };

struct Outcome {
    OutcomeState state = OutcomeState::failed;
    std::string message;
    WallClock::time_point start;
    WallClock::time_point stop;

    bool success() const { return state == OutcomeState::success; }
};

// "1h2m", "1m30s", "2s", "350ms": the two largest units, for people.
std::string human_duration(std::chrono::milliseconds duration);
std::string_view to_string(OutcomeState state);

}  // namespace osiekit::agent
