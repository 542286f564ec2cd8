#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/model/time.hpp"
#include "server/store/store.hpp"
#include "server/workflow/state_machine.hpp"
#include "server/workflow/template_data.hpp"
#include "server/workflow/ulid.hpp"

namespace osiekit::server {

// What an agent is handed.
struct Offer {
    std::string workflow_id;
    std::string agent_id;  // as the agent calls itself
    Action action;
};

struct Created {
    Workflow workflow;
    std::vector<std::string> warnings;
};

// What a durable change may mean to those who wait.
struct Change {
    bool everybody = false;        // any agent may have work now
    std::set<std::string> agents;  // these may; canonical ids
    bool only_logs = false;        // nothing but actions' output is new; else the event log grew
    std::set<std::string> logs;    // of these workflows
};

// Called after each change, without any lock held.
using ChangeListener = std::function<void(const Change&)>;

// All that changes the server's state goes through here: the rules of state_machine.hpp applied in
// transactions together with the events that tell of them. Thread safe.
class Engine {
  public:
    Engine(Store& store, Clock clock, IdSource ids);

    // One listener, set before the first call of the others.
    void on_change(ChangeListener listener) { listener_ = std::move(listener); }

    // Errors of kind invalid_input carry field and line. The answer has the canonical record.
    Result<HardwareRecord> put_hardware(std::string_view document,
                                        DocumentFormat format = DocumentFormat::by_content);
    Result<TemplateRecord> put_template(const std::string& name, const std::string& text);
    // `hardware` is a name or a MAC. Stores nothing unless everything is in order.
    Result<Created> create_workflow(const std::string& template_name, const std::string& hardware,
                                    HardwareMap map);

    // The next action of this agent, recorded as offered before it is returned; nullopt if there is
    // nothing to do now.
    Result<std::optional<Offer>> next_action_for(const std::string& agent_id);
    // Durable when it returns. `ignored` and `not_now` carry the reason.
    Result<Applied> report(const Report& report);
    // Ends workflows that are past their deadline. Call every second or so.
    Status expire_overdue();

    // Appends events of other parts (DHCP, HTTP, …) in one transaction. Times of 0 become now;
    // a MAC of a known machine fills in its name.
    Status append(std::vector<Event> events);

    Store& store() { return store_; }
    UnixMillis now() const { return clock_(); }

  private:
    Result<Workflow> render(Session& session, const std::string& template_name,
                            const Hardware& hardware, HardwareMap map,
                            std::vector<std::string>& warnings);
    Status record(Session& session, const Workflow& workflow, const Applied& applied,
                  const Report& report);
    // Ids of all agents that have a part in the workflow.
    static Result<std::set<std::string>> agents_of(Session& session, const Workflow& workflow);
    void changed(const Change& change) const;

    Store& store_;
    Clock clock_;
    IdSource ids_;
    ChangeListener listener_;
};

}  // namespace osiekit::server
