#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/inventory/hardware.hpp"
#include "server/model/event.hpp"
#include "server/model/workflow.hpp"
#include "server/store/sqlite.hpp"

namespace osiekit::server {

struct TemplateRecord {
    std::string name;
    std::string text;
    UnixMillis created = 0;
    UnixMillis updated = 0;
};

struct HardwareRecord {
    Hardware hardware;
    UnixMillis updated = 0;
};

class Store;

// A transaction: holds the store's lock until it goes. Without commit() nothing that it wrote
// stays. Not for use by two threads at once.
class Session {
  public:
    Session(Session&&) = default;
    ~Session();
    Status commit();

    // Inventory. A MAC belongs to one machine: a second owner is an error naming the first.
    Status put_hardware(const Hardware& hardware, UnixMillis now);
    Result<std::optional<HardwareRecord>> hardware(const std::string& name);
    Result<std::optional<HardwareRecord>> hardware_by_mac(const std::string& mac);
    Result<std::optional<HardwareRecord>> hardware_by_name_or_mac(const std::string& key);
    Result<std::vector<HardwareRecord>> all_hardware();
    // Every id that means the same agent: the id itself, and, if it is a machine's name, MAC or
    // agent id, all of these of that machine. (Agents before 2022 call themselves by the UUID that
    // is the name of a Postgres-era record.)
    Result<std::set<std::string>> agent_aliases(const std::string& agent_id);

    Status put_template(const std::string& name, const std::string& text, UnixMillis now);
    Result<std::optional<TemplateRecord>> find_template(const std::string& name);
    Result<std::vector<TemplateRecord>> all_templates();

    Status insert_workflow(const Workflow& workflow);
    // Writes states, times and messages; specifications never change.
    Status update_workflow(const Workflow& workflow);
    Status update_action(const std::string& workflow_id, std::size_t position,
                         const Action& action);
    Result<std::optional<Workflow>> workflow(const std::string& id);
    // Oldest first, with their actions. `hardware` empty: of all machines.
    Result<std::vector<Workflow>> workflows(const std::string& hardware = {});
    // Unfinished workflows with an action of one of these agents, oldest first.
    Result<std::vector<Workflow>> unfinished_for(const std::set<std::string>& agent_ids);
    // Running workflows whose deadline is at or before `now`.
    Result<std::vector<Workflow>> overdue(UnixMillis now);
    // What the boot rule asks for: the unfinished workflow of the machine if there is one, else
    // the newest; nullopt if it never had one.
    Result<std::optional<State>> boot_state(const std::string& hardware);

    // Appends; returns the sequence given.
    Result<std::uint64_t> append_event(const Event& event);
    // At most `limit`, in order.
    Result<std::vector<Event>> events(const EventFilter& filter, std::size_t limit);

  private:
    friend class Store;
    Session(std::unique_lock<std::mutex> lock, Database& database)
        : lock_(std::move(lock)), database_(&database) {}
    Result<std::optional<HardwareRecord>> one_hardware(const char* sql, const std::string& key);
    Result<std::vector<Workflow>> read_workflows(Statement query);
    Status read_actions(Workflow& workflow);

    std::unique_lock<std::mutex> lock_;
    Database* database_;
    bool open_ = true;
};

// The server's durable state: one SQLite file. Thread safe; sessions take turns.
class Store {
  public:
    static Result<std::unique_ptr<Store>> open(const std::filesystem::path& path);

    Result<Session> read();   // a consistent view
    Result<Session> write();  // takes the database's write lock at once

  private:
    explicit Store(Database database) : database_(std::move(database)) {}
    Result<Session> begin(const char* statement);
    std::mutex mutex_;
    Database database_;
};

}  // namespace osiekit::server
