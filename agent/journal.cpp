#include "agent/journal.hpp"

#include <sys/stat.h>

#include <array>
#include <nlohmann/json.hpp>

#include "lib/base/digest.hpp"
#include "lib/base/file.hpp"

namespace osiekit::agent {
namespace {

constexpr std::uint64_t max_entry_bytes = 1U << 20U;
constexpr std::string_view suffix = ".json";

constexpr std::array<std::pair<JournalEntry::Phase, std::string_view>, 3> phases = {{
    {JournalEntry::Phase::started, "started"},
    {JournalEntry::Phase::finished, "finished"},
    {JournalEntry::Phase::settled, "settled"},
}};

std::int64_t microseconds(WallClock::time_point time) {
    return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
}

WallClock::time_point time_from(const nlohmann::json& json) {
    if (!json.is_number_integer()) return {};
    return WallClock::time_point(std::chrono::duration_cast<WallClock::duration>(
        std::chrono::microseconds(json.get<std::int64_t>())));
}

}  // namespace

std::string encode(const JournalEntry& entry) {
    nlohmann::json json = {{"workflow", entry.workflow_id},
                           {"task", entry.task_id},
                           {"action", entry.action_id},
                           {"name", entry.action_name},
                           {"state", to_string(entry.outcome.state)},
                           {"message", entry.outcome.message},
                           {"start", microseconds(entry.outcome.start)},
                           {"stop", microseconds(entry.outcome.stop)}};
    for (const auto& [phase, name] : phases)
        if (phase == entry.phase) json["phase"] = name;
    // Messages may hold bytes of an action's output that are not UTF-8.
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Result<JournalEntry> decode_journal_entry(std::string_view text) {
    auto json = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
    Error damaged(ErrorKind::invalid_input, "the journal entry is damaged");
    if (!json.is_object()) return damaged;
    auto field = [&](const char* key) {
        auto found = json.find(key);
        return found != json.end() && found->is_string() ? found->get<std::string>()
                                                         : std::string();
    };
    JournalEntry entry;
    entry.workflow_id = field("workflow");
    entry.task_id = field("task");
    entry.action_id = field("action");
    entry.action_name = field("name");
    entry.outcome.message = field("message");
    std::string state = field("state");
    entry.outcome.state = state == "SUCCESS"   ? OutcomeState::success
                          : state == "TIMEOUT" ? OutcomeState::timeout
                                               : OutcomeState::failed;
    if (json.contains("start")) entry.outcome.start = time_from(json["start"]);
    if (json.contains("stop")) entry.outcome.stop = time_from(json["stop"]);
    bool known = false;
    for (const auto& [phase, name] : phases) {
        if (name != field("phase")) continue;
        entry.phase = phase;
        known = true;
    }
    if (!known || entry.workflow_id.empty() || entry.action_id.empty()) return damaged;
    return entry;
}

std::string key_of(std::string_view workflow_id, std::string_view action_id) {
    std::string key(workflow_id);
    key += '\0';
    key += action_id;
    return Sha256::of(key).hex();
}

Result<Journal> Journal::open(const std::filesystem::path& directory) {
    std::error_code failure;
    std::filesystem::create_directories(directory, failure);
    if (failure)
        return Error(ErrorKind::io, "making " + directory.string() + ": " + failure.message());
    ::chmod(directory.c_str(), 0700);
    return Journal(directory);
}

std::filesystem::path Journal::file_of(std::string_view workflow_id,
                                       std::string_view action_id) const {
    return directory_ / (key_of(workflow_id, action_id) + std::string(suffix));
}

std::optional<JournalEntry> Journal::find(std::string_view workflow_id,
                                          std::string_view action_id) const {
    auto text = read_file(file_of(workflow_id, action_id), max_entry_bytes);
    if (!text) return std::nullopt;
    auto entry = decode_journal_entry(*text);
    if (!entry || entry->workflow_id != workflow_id || entry->action_id != action_id)
        return std::nullopt;
    return std::move(*entry);
}

std::vector<JournalEntry> Journal::all() const {
    std::vector<JournalEntry> entries;
    std::error_code failure;
    for (const auto& file : std::filesystem::directory_iterator(directory_, failure)) {
        if (file.path().extension() != suffix) continue;
        auto text = read_file(file.path(), max_entry_bytes);
        if (!text) continue;
        if (auto entry = decode_journal_entry(*text)) entries.push_back(std::move(*entry));
    }
    return entries;
}

Status Journal::record(const JournalEntry& entry) const {
    return write_file(file_of(entry.workflow_id, entry.action_id), encode(entry), 0600)
        .context("writing the journal");
}

}  // namespace osiekit::agent
