#include "server/store/log_store.hpp"

#include <algorithm>

#include "lib/base/text.hpp"

namespace osiekit::server {
namespace {

constexpr const char* schema = R"sql(
CREATE TABLE IF NOT EXISTS runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    workflow_id TEXT NOT NULL,
    action_id TEXT NOT NULL,
    action_name TEXT NOT NULL,
    run TEXT NOT NULL,
    next_line INTEGER NOT NULL,
    UNIQUE (workflow_id, action_id, run)
);
CREATE TABLE IF NOT EXISTS records (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    run INTEGER NOT NULL REFERENCES runs(number) ON DELETE CASCADE,
    workflow_id TEXT NOT NULL,
    first_line INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    content BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS records_by_workflow ON records(workflow_id, sequence);
CREATE INDEX IF NOT EXISTS records_by_run ON records(run, sequence);
CREATE TABLE IF NOT EXISTS totals (
    workflow_id TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TRIGGER IF NOT EXISTS record_added AFTER INSERT ON records BEGIN
    INSERT INTO totals VALUES (new.workflow_id, new.bytes)
        ON CONFLICT (workflow_id) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER IF NOT EXISTS record_removed AFTER DELETE ON records BEGIN
    UPDATE totals SET bytes = bytes - old.bytes WHERE workflow_id = old.workflow_id;
    DELETE FROM totals WHERE workflow_id = old.workflow_id AND bytes <= 0;
END;
)sql";

// A transaction that is rolled back unless it is committed.
class Transaction {
  public:
    explicit Transaction(Database& database) : database_(database) {}
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    ~Transaction() {
        if (open_) (void)database_.execute("ROLLBACK");
    }
    Status begin() {
        OSIEKIT_TRY(database_.execute("BEGIN IMMEDIATE"));
        open_ = true;
        return {};
    }
    Status commit() {
        OSIEKIT_TRY(database_.execute("COMMIT"));
        open_ = false;
        return {};
    }

  private:
    Database& database_;
    bool open_ = false;
};

std::int64_t weight(const std::vector<LogLine>& lines) {
    std::uint64_t bytes = 0;
    for (const LogLine& line : lines) bytes += line.text.size() + log_line_overhead;
    return static_cast<std::int64_t>(bytes);
}

}  // namespace

std::string encode_log_lines(const std::vector<LogLine>& lines) {
    std::string text;
    for (const LogLine& line : lines) {
        text += std::to_string(line.time_us);
        text += line.error ? " e " : " o ";
        text += line.text;
        text += '\n';
    }
    return text;
}

std::vector<LogLine> decode_log_lines(std::string_view text) {
    std::vector<LogLine> lines;
    while (!text.empty()) {
        std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        std::size_t blank = line.find(' ');
        if (blank == std::string_view::npos || line.size() < blank + 3 || line[blank + 2] != ' ')
            continue;
        auto time = parse_u64(line.substr(0, blank));
        if (!time) continue;
        lines.push_back({static_cast<std::int64_t>(*time), line[blank + 1] == 'e',
                         std::string(line.substr(blank + 3))});
    }
    return lines;
}

Result<std::unique_ptr<LogStore>> LogStore::open(const std::filesystem::path& path,
                                                 LogLimits limits) {
    OSIEKIT_ASSIGN(auto database, Database::open(path));
    // No fsync for each message: a log is not worth it.
    OSIEKIT_TRY(database.execute("PRAGMA synchronous=NORMAL;"));
    OSIEKIT_TRY(database.execute(schema).context("opening " + path.string()));
    return std::unique_ptr<LogStore>(new LogStore(std::move(database), limits));
}

Result<std::optional<LogStore::Run>> LogStore::find(const LogRun& run) {
    OSIEKIT_ASSIGN(auto query,
                   database_.prepare("SELECT number, next_line FROM runs WHERE workflow_id=?1 "
                                     "AND action_id=?2 AND run=?3"));
    query.bind(1, run.workflow_id).bind(2, run.action_id).bind(3, run.run);
    OSIEKIT_ASSIGN(bool found, query.step());
    if (!found) return std::optional<Run>();
    return std::optional(Run{query.integer(0), static_cast<std::uint64_t>(query.integer(1))});
}

Result<LogStore::Run> LogStore::make(const LogRun& run) {
    OSIEKIT_ASSIGN(auto remove,
                   database_.prepare("DELETE FROM runs WHERE workflow_id=?1 AND number NOT IN "
                                     "(SELECT number FROM runs WHERE workflow_id=?1 "
                                     "ORDER BY number DESC LIMIT ?2)"));
    remove.bind(1, run.workflow_id);
    remove.bind(2, static_cast<std::int64_t>(limits_.workflow_runs) - 1);
    OSIEKIT_TRY(remove.run());
    OSIEKIT_ASSIGN(auto insert,
                   database_.prepare("INSERT INTO runs (workflow_id, action_id, action_name, run, "
                                     "next_line) VALUES (?1, ?2, ?3, ?4, 0)"));
    insert.bind(1, run.workflow_id).bind(2, run.action_id).bind(3, run.action_name);
    insert.bind(4, run.run);
    OSIEKIT_TRY(insert.run());
    return Run{database_.last_row_id(), 0};
}

Status LogStore::insert(const LogRun& of, const Run& run, std::uint64_t first_line,
                        const std::vector<LogLine>& lines) {
    OSIEKIT_ASSIGN(auto insert,
                   database_.prepare("INSERT INTO records (run, workflow_id, first_line, bytes, "
                                     "content) VALUES (?1, ?2, ?3, ?4, ?5)"));
    insert.bind(1, run.number).bind(2, of.workflow_id);
    insert.bind(3, static_cast<std::int64_t>(first_line)).bind(4, weight(lines));
    insert.bind_blob(5, encode_log_lines(lines));
    OSIEKIT_TRY(insert.run());
    OSIEKIT_ASSIGN(auto update, database_.prepare("UPDATE runs SET next_line=?2 WHERE number=?1"));
    update.bind(1, run.number).bind(2, static_cast<std::int64_t>(first_line + lines.size()));
    return update.run();
}

Result<std::uint64_t> LogStore::bytes_of(const std::string& workflow_id) {
    OSIEKIT_ASSIGN(auto query, database_.prepare("SELECT COALESCE(SUM(bytes), 0) FROM totals "
                                                 "WHERE ?1='' OR workflow_id=?1"));
    query.bind(1, workflow_id);
    OSIEKIT_TRY(query.run());
    return static_cast<std::uint64_t>(query.integer(0));
}

Result<bool> LogStore::remove_oldest(const std::string& workflow_id) {
    const char* sql = workflow_id.empty()
                          ? "DELETE FROM records WHERE sequence="
                            "(SELECT MIN(sequence) FROM records)"
                          : "DELETE FROM records WHERE sequence="
                            "(SELECT MIN(sequence) FROM records WHERE workflow_id=?1)";
    OSIEKIT_ASSIGN(auto remove, database_.prepare(sql));
    if (!workflow_id.empty()) remove.bind(1, workflow_id);
    OSIEKIT_TRY(remove.run());
    return database_.changes() > 0;
}

Status LogStore::make_room(const std::string& workflow_id) {
    struct Bound {
        std::string workflow;
        std::uint64_t bytes;
    };
    for (const Bound& bound :
         {Bound{workflow_id, limits_.workflow_bytes}, Bound{{}, limits_.total_bytes}}) {
        while (true) {
            OSIEKIT_ASSIGN(std::uint64_t present, bytes_of(bound.workflow));
            if (present <= bound.bytes) break;
            OSIEKIT_ASSIGN(bool removed, remove_oldest(bound.workflow));
            if (!removed) break;
        }
    }
    return {};
}

Result<std::uint64_t> LogStore::next_line(const LogRun& run) {
    std::lock_guard lock(mutex_);
    OSIEKIT_ASSIGN(auto found, find(run));
    return found ? found->next_line : 0;
}

Result<std::uint64_t> LogStore::append(const LogRun& run, std::uint64_t first_line,
                                       std::vector<LogLine> lines) {
    std::lock_guard lock(mutex_);
    Transaction transaction(database_);
    OSIEKIT_TRY(transaction.begin());
    OSIEKIT_ASSIGN(auto found, find(run));
    std::uint64_t next = found ? found->next_line : 0;
    if (first_line < next) {
        auto known = std::min<std::uint64_t>(next - first_line, lines.size());
        lines.erase(lines.begin(), lines.begin() + static_cast<std::ptrdiff_t>(known));
        first_line = next;
    }
    if (lines.empty()) return next;
    if (!found) {
        OSIEKIT_ASSIGN(found, make(run));
    }
    OSIEKIT_TRY(insert(run, *found, first_line, lines));
    OSIEKIT_TRY(make_room(run.workflow_id));
    OSIEKIT_TRY(transaction.commit());
    return first_line + lines.size();
}

Result<std::optional<LogRecord>> LogStore::next_record(const std::string& workflow_id,
                                                       const std::string& action_id,
                                                       std::uint64_t from_sequence) {
    std::lock_guard lock(mutex_);
    OSIEKIT_ASSIGN(
        auto query,
        database_.prepare("SELECT sequence, action_id, action_name, runs.run, first_line, content "
                          "FROM records JOIN runs ON runs.number=records.run "
                          "WHERE records.workflow_id=?1 AND sequence>=?2 "
                          "AND (?3='' OR action_id=?3) ORDER BY sequence LIMIT 1"));
    query.bind(1, workflow_id).bind(2, static_cast<std::int64_t>(from_sequence));
    query.bind(3, action_id);
    OSIEKIT_ASSIGN(bool there, query.step());
    if (!there) return std::optional<LogRecord>();
    LogRecord record;
    record.sequence = static_cast<std::uint64_t>(query.integer(0));
    record.of = {workflow_id, query.text(1), query.text(2), query.text(3)};
    record.first_line = static_cast<std::uint64_t>(query.integer(4));
    record.lines = decode_log_lines(query.blob(5));
    return std::optional(std::move(record));
}

}  // namespace osiekit::server
