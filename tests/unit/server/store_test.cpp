#include "server/store/store.hpp"

#include <catch2/catch.hpp>

#include "fixtures.hpp"
#include "lib/base/file.hpp"
#include "server/store/schema.hpp"

using namespace osiekit;
using namespace osiekit::server;
using namespace osiekit::server::test;
using Catch::Matchers::Contains;

TEST_CASE("The database is durable: WAL, full synchronisation, schema counted") {
    auto folder = TempDir::create().value();
    auto database = Database::open(folder / "db").value();
    REQUIRE(migrate(database));
    REQUIRE(migrate(database));
    auto number = [&](const char* sql) {
        auto query = database.prepare(sql).value();
        REQUIRE(query.step().value());
        return query.text(0);
    };
    CHECK(number("PRAGMA journal_mode") == "wal");
    CHECK(number("PRAGMA synchronous") == "2");
    CHECK(number("PRAGMA user_version") == std::to_string(newest_schema()));
}

TEST_CASE("A database of a newer program is left alone") {
    auto folder = TempDir::create().value();
    {
        auto database = Database::open(folder / "db").value();
        REQUIRE(database.execute("PRAGMA user_version=999"));
    }
    auto store = Store::open(folder / "db");
    REQUIRE_FALSE(store);
    CHECK(store.error().kind() == ErrorKind::unsupported);
}

TEST_CASE("A file that is no database is refused") {
    auto folder = TempDir::create().value();
    REQUIRE(write_file(folder / "db", std::string(4096, 'x')));
    CHECK_THAT(failure(Store::open(folder / "db")), Contains("not a database"));
}

TEST_CASE("Without commit nothing stays") {
    Rig rig;
    {
        auto session = rig.store->write();
        REQUIRE(session.value().put_template("t", "x", 1));
    }
    {
        auto session = rig.store->read();
        CHECK_FALSE(session.value().find_template("t").value());
    }
    {
        auto session = rig.store->write();
        REQUIRE(session.value().put_template("t", "x", 1));
        REQUIRE(session.value().commit());
    }
    auto session = rig.store->read();
    CHECK(session.value().find_template("t").value()->text == "x");
}

TEST_CASE("A MAC belongs to one machine") {
    Rig rig;
    REQUIRE(rig.engine.put_hardware(machine));
    REQUIRE(rig.engine.put_hardware(machine));  // the same again replaces
    std::string other =
        "kind: Hardware\nmetadata: {name: other}\n"
        "spec: {interfaces: [{dhcp: {mac: 52-54-00-12-34-02}}]}\n";
    CHECK_THAT(failure(rig.engine.put_hardware(other)),
               Contains("52:54:00:12:34:02 belongs to the hardware 'machine-1'"));
    auto session = rig.store->read();
    CHECK_FALSE(session.value().hardware("other").value());
    CHECK(session.value().hardware_by_mac("52:54:00:12:34:02").value()->hardware.name ==
          "machine-1");
    CHECK(session.value().all_hardware().value().size() == 1);
}

TEST_CASE("An agent is known by each MAC and the id of its machine") {
    Rig rig;
    REQUIRE(rig.engine.put_hardware(machine));
    auto session = rig.store->read();
    CHECK(session.value().agent_aliases("52-54-00-12-34-02").value() ==
          std::set<std::string>{mac, "52:54:00:12:34:02", "machine-1"});
    CHECK(session.value().agent_aliases("machine-1").value().size() == 3);
    CHECK(session.value().agent_aliases("").value() == std::set<std::string>{""});
    CHECK(session.value().agent_aliases("stranger").value() == std::set<std::string>{"stranger"});
}

TEST_CASE("A workflow comes back as it was stored") {
    Rig rig;
    auto id = rig.queue();
    Workflow workflow = rig.workflow(id);
    REQUIRE(workflow.actions.size() == 2);
    const ActionSpec& spec = workflow.actions[0].spec;
    CHECK(spec.image == "registry.example:5000/stream:1");
    CHECK(spec.environment == std::vector<std::string>{"A=task", "B=action", "DISK=/dev/vda"});
    CHECK(workflow.actions[1].spec.volumes ==
          std::vector<std::string>{"/dev:/dev", "/worker:/worker"});
    CHECK(workflow.actions[1].timeout_seconds == 30);
    CHECK(workflow.global_timeout_seconds == 60);
    CHECK_THAT(workflow.rendered, Contains("worker: \"52:54:00:12:34:01\""));
}

TEST_CASE("Events are numbered in order and filtered") {
    Rig rig;
    Event event;
    event.kind = "dhcp.ack";
    event.mac = mac;
    REQUIRE(rig.engine.append({event}));  // before the machine is known
    auto id = rig.queue();
    event.kind = "http.script";
    REQUIRE(rig.engine.append({event, event}));
    auto all = rig.events();
    for (std::size_t i = 1; i < all.size(); ++i) CHECK(all[i].sequence > all[i - 1].sequence);
    CHECK(rig.events({id, "", "", 0}).size() == 1);
    CHECK(rig.events({"", "machine-1", "", 0}).size() == 4);
    CHECK(rig.events({"", "machine-1", mac, 0}).size() == 5);
    CHECK(rig.events({"", "", "", all.back().sequence}).size() == 1);
    CHECK(all.back().hardware == "machine-1");
    CHECK(all.back().time == rig.now);
}

TEST_CASE("The boot state prefers what is unfinished, else the newest") {
    Rig rig;
    auto boot = [&] { return rig.store->read().value().boot_state("machine-1").value(); };
    CHECK_FALSE(boot());
    auto first = rig.queue();
    CHECK(boot() == State::pending);
    auto finish = [&](State state) {
        auto offer = rig.engine.next_action_for(mac).value();
        REQUIRE(offer);
        REQUIRE(rig.engine.report(report_of(*offer, state)));
    };
    finish(State::failed);
    CHECK(boot() == State::failed);
    auto second = rig.queue();
    finish(State::success);
    CHECK(boot() == State::running);
    finish(State::success);
    CHECK(boot() == State::success);
    rig.queue();
    CHECK(boot() == State::pending);
}
