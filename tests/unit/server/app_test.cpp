#include <catch2/catch.hpp>

#include "fixtures.hpp"
#include "lib/base/file.hpp"
#include "server/app/boot.hpp"
#include "server/app/event_log.hpp"
#include "server/app/settings.hpp"

using namespace osiekit;
using namespace osiekit::server;
using namespace osiekit::server::test;
using Catch::Matchers::Contains;
using netboot::BootTarget;

TEST_CASE("The boot rule") {
    CHECK(boot_target(std::nullopt) == BootTarget::osie);
    CHECK(boot_target(State::pending) == BootTarget::osie);
    CHECK(boot_target(State::running) == BootTarget::osie);
    CHECK(boot_target(State::failed) == BootTarget::osie);
    CHECK(boot_target(State::timeout) == BootTarget::osie);
    CHECK(boot_target(State::success) == BootTarget::local_disk);
}

TEST_CASE("Netboot asks the inventory") {
    Rig rig;
    auto ask = [&](const char* text) {
        return look_up(*rig.store, MacAddress::parse(text).value()).value();
    };
    CHECK_FALSE(ask(mac));
    REQUIRE(rig.engine.put_hardware(machine));
    auto first = ask(mac);
    REQUIRE(first);
    CHECK(first->address.to_string() == "192.0.2.10");
    CHECK(first->gateway.to_string() == "192.0.2.1");
    CHECK(first->hostname == "host-1");
    CHECK(first->allow_pxe);
    CHECK(first->boot == BootTarget::osie);
    auto second = ask("52:54:00:12:34:02");
    REQUIRE(second);
    CHECK_FALSE(second->allow_pxe);
    std::string disabled = machine;
    disabled.replace(disabled.find("    - dhcp:\n"), 12, "    - disableDhcp: true\n      dhcp:\n");
    REQUIRE(rig.engine.put_hardware(disabled));
    CHECK_FALSE(ask(mac));
}

TEST_CASE("A machine goes to its disk once its workflow succeeded") {
    Rig rig;
    rig.queue();
    auto target = [&] { return look_up(*rig.store, MacAddress::parse(mac).value()).value()->boot; };
    for (int i = 0; i < 2; ++i) {
        CHECK(target() == BootTarget::osie);
        auto offer = rig.engine.next_action_for(mac).value();
        REQUIRE(rig.engine.report(report_of(*offer, State::success)));
    }
    CHECK(target() == BootTarget::local_disk);
}

TEST_CASE("Posted events are in the log when it has gone") {
    Rig rig;
    Logger log(Logger::Options{LogLevel::error, false, true, 2});
    {
        EventLog events(rig.engine, log);
        for (int i = 0; i < 100; ++i) {
            Event event;
            event.kind = "dhcp.ack";
            event.text = std::to_string(i);
            events.post(event);
        }
    }
    auto all = rig.events();
    REQUIRE(all.size() == 100);
    CHECK(all[99].text == "99");
}

TEST_CASE("Settings come from the file and from flags, which win") {
    auto folder = TempDir::create().value();
    REQUIRE(
        write_file(folder / "c.yaml", "data: /d\ngrpc-port: 5\nhttp-port: 6\nnetboot: false\n"));
    std::string path = folder / "c.yaml";
    const char* words[] = {"osie-server", "--config", path.c_str(), "--grpc-port", "7"};
    Settings settings;
    REQUIRE(parse_command_line(5, words, settings));
    CHECK(settings.data_dir == "/d");
    CHECK(settings.grpc_port == 7);
    CHECK(settings.http_port == 6);
    CHECK_FALSE(settings.netboot);
}

TEST_CASE("Wrong settings are named") {
    Settings settings;
    CHECK_THAT(failure(read_settings_yaml("gprc-port: 1\n", settings)),
               Contains("line 1: gprc-port: unknown key (hint: did you mean 'grpc-port'?)"));
    CHECK_THAT(failure(read_settings_yaml("colour: red\n", settings)),
               Contains("colour: unknown key"));
    CHECK_THAT(failure(read_settings_yaml("http-port: 65536\n", settings)),
               Contains("outside 0 to 65535"));
    CHECK(read_settings_yaml("http-port: 65535\nhold: 600\n", settings));
    CHECK_THAT(failure(read_settings_yaml("hold: 601\n", settings)), Contains("outside"));
    CHECK_THAT(failure(read_settings_yaml("log-level: loud\n", settings)), Contains("is no level"));
    settings = {};
    CHECK_THAT(failure(check_settings(settings)), Contains("--data is missing"));
    settings.data_dir = "d";
    CHECK_THAT(failure(check_settings(settings)),
               Contains("--interface is missing") && Contains("--no-netboot"));
    settings.interface = "eth0";
    CHECK_THAT(failure(check_settings(settings)), Contains("--address is missing"));
    settings.address = "192.0.2";
    CHECK_THAT(failure(check_settings(settings)), Contains("is no IPv4 address"));
    settings.address = "192.0.2.1";
    CHECK_THAT(failure(check_settings(settings)), Contains("--osie is missing"));
    settings.osie_dir = "o";
    CHECK(check_settings(settings));
    const char* words[] = {"osie-server", "--no-such"};
    CHECK(parse_command_line(2, words, settings).error().kind() == ErrorKind::invalid_input);
}
