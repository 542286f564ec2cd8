#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <string>

#include "lib/base/temp_dir.hpp"
#include "server/store/store.hpp"
#include "server/workflow/engine.hpp"

namespace osiekit::server::test {

constexpr const char* mac = "52:54:00:12:34:01";

inline const std::string machine = R"(
apiVersion: tinkerbell.org/v1alpha1
kind: Hardware
metadata: {name: machine-1}
spec:
  disks: [{device: /dev/vda}]
  metadata: {instance: {hostname: host-1, ssh_keys: [k1]}}
  interfaces:
    - dhcp:
        mac: "52:54:00:12:34:01"
        hostname: host-1
        ip: {address: 192.0.2.10, netmask: 255.255.255.0, gateway: 192.0.2.1}
      netboot: {allowPXE: true}
    - dhcp: {mac: "52:54:00:12:34:02"}
)";

inline const std::string two_actions = R"(version: "0.1"
name: install
global_timeout: 60
tasks:
  - name: os
    worker: "{{.device_1}}"
    volumes: [/dev:/dev]
    environment: {A: task, B: task}
    actions:
      - name: stream
        image: registry.example:5000/stream:1
        environment: {B: action, DISK: "{{ index .Hardware.Disks 0 }}"}
      - name: reboot
        image: registry.example:5000/reboot:1
        timeout: 30
        volumes: [/worker:/worker]
)";

// An engine on a database of its own, whose clock stands until it is moved.
struct Rig {
    TempDir folder = TempDir::create("osiekit-server").value();
    std::unique_ptr<Store> store = Store::open(folder / "db").value();
    UnixMillis now = 1'000'000;
    int ids = 0;
    Engine engine{*store, [this] { return now; }, [this] { return "ID" + std::to_string(++ids); }};

    std::string queue(const std::string& text = two_actions, const std::string& name = "install") {
        REQUIRE(engine.put_hardware(machine));
        REQUIRE(engine.put_template(name, text));
        auto created = engine.create_workflow(name, "machine-1", {});
        if (!created) FAIL(created.error().to_string());
        return created->workflow.id;
    }
    Workflow workflow(const std::string& id) {
        auto session = store->read();
        return session.value().workflow(id).value().value();
    }
    std::vector<Event> events(EventFilter filter = {}) {
        auto session = store->read();
        return session.value().events(filter, 1000).value();
    }
    std::vector<std::string> kinds() {
        std::vector<std::string> result;
        for (const auto& event : events()) result.push_back(event.kind);
        return result;
    }
};

inline Report report_of(const Offer& offer, State state, std::string message = {}) {
    return {offer.workflow_id,
            offer.agent_id,
            offer.action.task_id,
            offer.action.id,
            state,
            std::move(message),
            "1s"};
}

// The text of the error of a result that must have failed.
template <typename T>
std::string failure(const Result<T>& result) {
    REQUIRE_FALSE(result.ok());
    return result.error().to_string();
}

}  // namespace osiekit::server::test
