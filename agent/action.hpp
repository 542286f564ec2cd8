#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
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

    // Of servers before 2025 only.
    std::vector<std::string> on_failure;  // arguments of a second run after a failure
    std::vector<std::string> on_timeout;  // and after a timeout
    std::string workflow_directory;       // on this machine, mounted at /workflow; empty: none
    bool announced = false;               // the server knows already that it runs
    bool id_is_unique = true;  // false: another workflow of this name may have the same ids
};

// A year is longer than any action; more would overflow the clock.
inline std::chrono::seconds longest_timeout(std::int64_t seconds) {
    return std::chrono::seconds(std::min<std::int64_t>(seconds, 365LL * 24 * 3600));
}

// Servers that send no timeout mean this one (tink-worker's; tink-agent would fail at once).
inline constexpr std::chrono::hours default_timeout{1};

// What tink-worker takes of a workflow's document unless max-file-size says otherwise.
inline constexpr std::uint64_t max_workflow_data_bytes = 10U << 20U;

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
// For a message's string field, which cannot carry other bytes: '?' for what is not ASCII.
std::string ascii_text(std::string text);

}  // namespace osiekit::agent
