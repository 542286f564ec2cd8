#include "server/store/schema.hpp"

#include <array>

namespace osiekit::server {
namespace {

// Step i leads from version i to i + 1. Steps are never edited once released, only added.
constexpr std::array<const char*, 1> steps = {R"sql(
CREATE TABLE hardware (
    name TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    updated INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE hardware_mac (
    mac TEXT PRIMARY KEY,
    hardware TEXT NOT NULL REFERENCES hardware(name) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX hardware_mac_by_hardware ON hardware_mac(hardware);
CREATE TABLE templates (
    name TEXT PRIMARY KEY,
    content TEXT NOT NULL,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE workflows (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    template TEXT NOT NULL,
    hardware TEXT NOT NULL,
    state TEXT NOT NULL,
    created INTEGER NOT NULL,
    started INTEGER NOT NULL DEFAULT 0,
    finished INTEGER NOT NULL DEFAULT 0,
    global_timeout INTEGER NOT NULL DEFAULT 0,
    deadline INTEGER NOT NULL DEFAULT 0,
    message TEXT NOT NULL DEFAULT '',
    rendered TEXT NOT NULL
);
CREATE INDEX workflows_by_hardware ON workflows(hardware, number);
CREATE INDEX workflows_by_state ON workflows(state);
CREATE TABLE actions (
    workflow_id TEXT NOT NULL REFERENCES workflows(id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    task TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    name TEXT NOT NULL,
    spec TEXT NOT NULL,
    timeout INTEGER NOT NULL,
    state TEXT NOT NULL,
    offers INTEGER NOT NULL DEFAULT 0,
    started_offer INTEGER NOT NULL DEFAULT 0,
    started INTEGER NOT NULL DEFAULT 0,
    finished INTEGER NOT NULL DEFAULT 0,
    message TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (workflow_id, position)
) WITHOUT ROWID;
CREATE INDEX actions_by_agent ON actions(agent_id);
CREATE TABLE events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL,
    kind TEXT NOT NULL,
    hardware TEXT NOT NULL,
    mac TEXT NOT NULL,
    workflow_id TEXT NOT NULL,
    content TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX events_by_workflow ON events(workflow_id, sequence);
CREATE INDEX events_by_hardware ON events(hardware, sequence);
)sql"};

}  // namespace

int newest_schema() {
    return static_cast<int>(steps.size());
}

Status migrate(Database& database) {
    OSIEKIT_ASSIGN(auto query, database.prepare("PRAGMA user_version"));
    OSIEKIT_TRY(query.run());
    auto version = query.integer(0);
    query = Statement();
    if (version > newest_schema())
        return Error(ErrorKind::unsupported, "the database has schema " + std::to_string(version) +
                                                 ", this program knows up to " +
                                                 std::to_string(newest_schema()))
            .hint("use the newer osie-server, or another --data folder");
    for (auto step = static_cast<std::size_t>(version); step < steps.size(); ++step) {
        std::string sql = std::string("BEGIN IMMEDIATE;") + steps[step] +
                          "PRAGMA user_version=" + std::to_string(step + 1) + ";COMMIT;";
        auto done = database.execute(sql);
        if (done) continue;
        (void)database.execute("ROLLBACK");
        return std::move(done).context("bringing the database to schema " +
                                       std::to_string(step + 1));
    }
    return {};
}

}  // namespace osiekit::server
