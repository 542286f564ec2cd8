#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "agent/action.hpp"
#include "agent/image_source.hpp"
#include "agent/journal.hpp"
#include "agent/log_stream.hpp"
#include "agent/policy.hpp"
#include "agent/rootfs.hpp"
#include "agent/settings.hpp"
#include "agent/stop_signal.hpp"
#include "agent/supervised_action.hpp"
#include "agent/syslog.hpp"
#include "lib/base/log.hpp"
#include "lib/base/result.hpp"
#include "lib/oci/image_store.hpp"

namespace osiekit::agent {

// Pulls an action's image and runs it in a sandbox to its end, under a supervisor of its own.
class ActionRunner {
  public:
    // `program`: the file that supervisors are started from, this program's.
    static Result<ActionRunner> create(const Settings& settings, const StopSignal& stop,
                                       const Logger& log, Policy policy,
                                       std::filesystem::path program);

    // Where the output goes beside the log; it must outlive the last recover() and run().
    void stream_to(LogStream& stream) { stream_ = &stream; }

    // Waits for what an earlier agent of this boot has started, and writes the outcome to the
    // journal: then it is as if it had been reported late. Call it before the first run().
    void recover(const Journal& journal);

    // Never fails: what goes wrong is the outcome's message. The action's timeout begins when its
    // image is there, as tink-worker's does; a transfer that stands still fails by itself.
    Outcome run(const Action& action);

    // After the last action: gives the remote log a moment, and tells how many lines it lacks.
    void finish();

  private:
    ActionRunner(const Settings& settings, const StopSignal& stop, const Logger& log, Policy policy,
                 oci::ImageStore store, std::filesystem::path program,
                 std::unique_ptr<SyslogSender> syslog);
    using Clock = std::chrono::steady_clock;
    Outcome attempt(const Action& action, WallClock::time_point start);
    Outcome follow(SupervisedAction& supervised, const JournalEntry& entry);
    struct Pulled {
        oci::StoredImage image;
        StoreLock lock;  // shared: the layers stay while the action runs
    };
    Result<Pulled> pull(const Action& action, const Decision& decision);
    std::uint64_t evict(std::uint64_t keep_bytes, std::int64_t used_before);
    std::filesystem::path directory_of(const JournalEntry& entry) const;
    Result<Decision> judge(const Action& action) const;
    void keep(Rootfs rootfs, const JournalEntry& entry);
    void clean_up(const Journal& journal);
    void remove(const std::filesystem::path& directory);

    const Settings& settings_;
    const StopSignal& stop_;
    const Logger& log_;
    Policy policy_;
    oci::ImageStore store_;
    std::filesystem::path program_;
    std::unique_ptr<SyslogSender> syslog_;  // null: no remote log
    LogStream* stream_ = nullptr;           // null: the server gets none
    std::string workflow_;                  // of the last action
};

}  // namespace osiekit::agent
