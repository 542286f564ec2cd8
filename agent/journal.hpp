#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/action.hpp"
#include "lib/base/result.hpp"

namespace osiekit::agent {

// What the agent remembers of one action, so that killing it loses and repeats nothing.
struct JournalEntry {
    enum class Phase {
        started,   // it may be running, or died with the agent: it is run again when served again
        finished,  // its outcome is known, the server has not acknowledged it yet
        settled    // the server has acknowledged or refused the outcome
    };
    std::string workflow_id;
    std::string task_id;
    std::string action_id;
    std::string action_name;
    Phase phase = Phase::started;
    Outcome outcome;  // of phases other than started
};

// The action's name where files are concerned: ids are the server's and may hold anything.
std::string key_of(std::string_view workflow_id, std::string_view action_id);

// One small file for each action in a directory of the machine's memory, replaced atomically. The
// directory dies with the boot, which is right: after a reboot the server decides.
class Journal {
  public:
    static Result<Journal> open(const std::filesystem::path& directory);

    // nullopt for an action never seen; a damaged file counts as never seen.
    std::optional<JournalEntry> find(std::string_view workflow_id,
                                     std::string_view action_id) const;
    std::vector<JournalEntry> all() const;
    Status record(const JournalEntry& entry) const;

  private:
    explicit Journal(std::filesystem::path directory) : directory_(std::move(directory)) {}
    std::filesystem::path file_of(std::string_view workflow_id, std::string_view action_id) const;
    std::filesystem::path directory_;
};

// The entry as a line of JSON and back. Kind invalid_input for anything else.
std::string encode(const JournalEntry& entry);
Result<JournalEntry> decode_journal_entry(std::string_view text);

}  // namespace osiekit::agent
