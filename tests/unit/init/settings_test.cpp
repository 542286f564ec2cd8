#include "init/settings.hpp"

#include <catch2/catch.hpp>

using namespace osiekit;
using namespace osiekit::init;

namespace {

Settings settings_of(const char* line) {
    return make_settings(ImageConfig(), KernelCommandLine::parse(line));
}

bool mentions(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("The image's configuration is read") {
    auto config = parse_image_config(
        R"({"hostname": "osie", "modules": ["ext4", "vfat"], "ntp": ["time.example"],
            "services": [{"name": "tink-worker", "command": ["/usr/bin/tink-worker", "-v"]}],
            "built": 1700000000, "network_wait_s": 5, "something_new": {"a": 1}})");
    REQUIRE(config);
    CHECK(config->hostname == "osie");
    CHECK(config->modules == std::vector<std::string>{"ext4", "vfat"});
    CHECK(config->ntp == std::vector<std::string>{"time.example"});
    REQUIRE(config->services.size() == 1);
    CHECK(config->services[0].command[1] == "-v");
    CHECK(config->built == 1700000000);
    CHECK(config->network_wait_s == 5);
    CHECK(parse_image_config("{}")->services.empty());
}

TEST_CASE("A service may have a sandbox") {
    auto config = parse_image_config(
        R"({"services": [{"name": "a", "command": ["/a"]},
                         {"name": "b", "command": ["/b"], "sandbox": {"level": "restricted",
                          "limits": {"memory": 33554432}, "uid": 1000, "writable": ["/run/b"]}}]})");
    REQUIRE(config);
    CHECK_FALSE(config->services[0].sandbox);
    REQUIRE(config->services[1].sandbox);
    CHECK(config->services[1].sandbox->level == sandbox::Level::restricted);
    CHECK(config->services[1].sandbox->limits.memory_bytes == 33554432);
    CHECK(config->services[1].sandbox->uid == 1000);
    // Never without it because it is not understood.
    CHECK_FALSE(parse_image_config(
        R"({"services": [{"name": "b", "command": ["/b"], "sandbox": {"level": "loose"}}]})"));
    CHECK_FALSE(
        parse_image_config(R"({"services": [{"name": "b", "command": ["/b"], "sandbox": null}]})"));
}

TEST_CASE("A wrong configuration says what is wrong") {
    auto message = [](std::string_view json) { return parse_image_config(json).error().message(); };
    CHECK(message("") == "this is not a JSON document");
    CHECK(message("{") == "this is not a JSON document");
    CHECK(message("[]") == "the document is not an object");
    CHECK(message(R"({"hostname": 1})") == "'hostname' is not a string");
    CHECK(message(R"({"modules": "ext4"})") == "'modules' is not a list");
    CHECK(message(R"({"modules": [1]})") == "'modules' is not a string");
    CHECK(mentions(message(R"({"services": [{}]})"), "name and command"));
    CHECK(mentions(message(R"({"services": [{"name": "a", "command": ["a"]}]})"), "absolute path"));
    CHECK(mentions(message(R"({"services": [{"name": "a", "command": []}]})"), "absolute path"));
    CHECK(message(R"({"built": -1})") == "'built' is not seconds since 1970");
    CHECK(mentions(message(R"({"network_wait_s": 3601})"), "up to 3600"));
    CHECK(parse_image_config(R"({"network_wait_s": 3600})"));
    CHECK_FALSE(parse_image_config("{\"hostname\": \"a\\u0000b\"}"));
    CHECK_FALSE(parse_image_config("{\"hostname\": \"\xff\xfe\"}"));
}

TEST_CASE("The configuration's limits hold") {
    auto list_of = [](std::size_t count) {
        std::string json = R"({"modules": [)";
        for (std::size_t i = 0; i < count; ++i) json += i == 0 ? R"("m")" : R"(,"m")";
        return json + "]}";
    };
    CHECK(parse_image_config(list_of(largest_list)));
    CHECK(parse_image_config(list_of(largest_list + 1)).error().kind() == ErrorKind::limit);
    auto text_of = [](std::size_t size) {
        return R"({"hostname": ")" + std::string(size, 'x') + "\"}";
    };
    CHECK(parse_image_config(text_of(largest_text)));
    CHECK(parse_image_config(text_of(largest_text + 1)).error().kind() == ErrorKind::limit);
    std::string padded = "{}" + std::string(largest_image_config - 2, ' ');
    CHECK(parse_image_config(padded));
    CHECK(parse_image_config(padded + " ").error().kind() == ErrorKind::limit);
}

TEST_CASE("The kernel's command line is understood") {
    Settings settings = settings_of(
        "facility=x worker_id=52:54:00:12:34:56 hw_addr=52:54:00:12:34:56 modules=loop,squashfs, "
        "vlan_id=17 osie.debug virtio_net.napi_tx=1 virtio-net.csum=0 modprobe.blacklist=nouveau");
    REQUIRE(settings.hw_addr);
    CHECK(settings.hw_addr == MacAddress::parse("52:54:00:12:34:56"));
    CHECK(settings.modules == std::vector<std::string>{"loop", "squashfs"});
    CHECK(settings.vlan_id == 17);
    CHECK(settings.debug);
    CHECK(mentions(settings.module_parameters.at("virtio_net"), "napi_tx=1"));
    CHECK(mentions(settings.module_parameters.at("virtio_net"), "csum=0"));
    CHECK(settings.blacklist == std::vector<std::string>{"nouveau"});
    CHECK(settings.warnings.empty());
}

TEST_CASE("What makes no sense on the command line is ignored with a warning") {
    CHECK(settings_of("hw_addr=xyz").warnings.size() == 1);
    CHECK_FALSE(settings_of("hw_addr=xyz").hw_addr);
    CHECK(settings_of("vlan_id=4094").vlan_id == 4094);
    CHECK(settings_of("vlan_id=4095").warnings.size() == 1);
    CHECK(settings_of("vlan_id=0").warnings.empty());
    CHECK_FALSE(settings_of("vlan_id=0").vlan_id);
    CHECK(settings_of("ipam=nonsense").warnings.size() == 1);
    CHECK(settings_of("vlan_id= hw_addr= ipam=").warnings.empty());
}

TEST_CASE("ipam= is read in Tinkerbell's form") {
    auto config = parse_ipam(
        "52-54-00-12-34-56:30:10.1.2.3:255.255.255.0:10.1.2.1:node1:10.1.2.2,8.8.8.8:"
        "a.example,b.example:10.1.2.9,time.example");
    REQUIRE(config);
    CHECK(config->mac.to_string() == "52:54:00:12:34:56");
    CHECK(config->vlan_id == 30);
    CHECK(config->network.address == Ipv4(10, 1, 2, 3));
    CHECK(config->network.prefix_length == 24);
    REQUIRE(config->network.routes.size() == 1);
    CHECK(config->network.routes[0] == dhcp::Route{Ipv4(), 0, Ipv4(10, 1, 2, 1)});
    CHECK(config->network.hostname == "node1");
    CHECK(config->network.nameservers.size() == 2);
    CHECK(config->network.search == std::vector<std::string>{"a.example", "b.example"});
    CHECK(config->network.ntp == std::vector<Ipv4>{Ipv4(10, 1, 2, 9)});
    CHECK(config->ntp_names == std::vector<std::string>{"time.example"});
    auto least = parse_ipam("52-54-00-12-34-56::10.1.2.3:255.255.255.0:::::");
    REQUIRE(least);
    CHECK_FALSE(least->vlan_id);
    CHECK(least->network.routes.empty());
    CHECK(parse_ipam("52-54-00-12-34-56::10.1.2.3:255.255.255.0"));
}

TEST_CASE("A wrong ipam= names the field") {
    auto message = [](const std::string& text) { return parse_ipam(text).error().message(); };
    std::string mac = "52-54-00-12-34-56";
    CHECK(mentions(message("x::10.1.2.3:255.255.255.0"), "field mac"));
    CHECK(mentions(message(mac + ":4095:10.1.2.3:255.255.255.0"), "field vlan"));
    CHECK(mentions(message(mac + "::0.0.0.0:255.255.255.0"), "field ip"));
    CHECK(mentions(message(mac + "::10.1.2.3:255.0.255.0"), "field netmask"));
    CHECK(mentions(message(mac + "::10.1.2.3:255.255.255.0:gw"), "field gateway"));
    CHECK(mentions(message(mac + "::10.1.2.3:255.255.255.0::a b"), "field hostname"));
    CHECK(mentions(message(mac + "::10.1.2.3:255.255.255.0:::dns"), "field dns"));
    CHECK(mentions(message(mac + "::10.1.2.3:255.255.255.0::::;"), "field search"));
    CHECK(mentions(message("52:54:00:12:34:56:::::"), "11 fields"));
    CHECK(mentions(message("a:b:c"), "3 fields"));
    std::string edge = mac + "::10.1.2.3:255.255.255.0:::::";
    edge += std::string(largest_ipam - edge.size(), ',');
    CHECK(parse_ipam(edge));
    CHECK(parse_ipam(edge + ",").error().kind() == ErrorKind::limit);
}
