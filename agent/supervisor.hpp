#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

#include "agent/journal.hpp"
#include "agent/stop_timing.hpp"
#include "lib/base/result.hpp"
#include "lib/sandbox/sandbox.hpp"

// Each action has a supervisor: this same program, executed anew, single-threaded, which starts the
// action's program, keeps its output (spool.hpp), ends it at its timeout and writes down how it
// ended. It outlives the agent, so that killing the agent neither ends nor repeats an action; the
// action does not outlive its supervisor.
//
// They meet in a directory of the action:
//   request    what to run; removed when it is read, as it may hold secrets
//   lock       locked (flock) from before the supervisor's start until its end: nobody who looks
//              can take another process for it
//   pid        the supervisor's, for a pidfd
//   run        a name for this start of the action, which no other start has
//   output/    the spool
//   result     the journal's entry with the outcome, complete once it is there
namespace osiekit::agent {

struct SupervisorRequest {
    sandbox::SandboxSpec spec;
    JournalEntry entry;  // whose it is; outcome.start is kept
    // Of the steady clock, which is the same for all processes of a boot.
    std::chrono::milliseconds deadline{0};
    std::chrono::milliseconds timeout{0};  // for the message
    int stop_signal = 15;
    std::chrono::milliseconds grace{stop_grace};  // between that signal and SIGKILL
};

// As CBOR: arguments and variables may hold any bytes. Kind invalid_input for anything else.
std::string encode(const SupervisorRequest& request);
Result<SupervisorRequest> decode_supervisor_request(std::string_view bytes);

// The name under which the program becomes a supervisor: argv[1]; argv[2] is the directory, the
// lock's descriptor is this one.
inline constexpr std::string_view supervisor_command = "supervise-action";
inline constexpr int supervisor_lock_fd = 3;
int supervise(const std::filesystem::path& directory);

}  // namespace osiekit::agent
