#include "server/inventory/hardware.hpp"

#include <catch2/catch.hpp>

#include "fixtures.hpp"
#include "server/inventory/mac.hpp"

using namespace osiekit;
using namespace osiekit::server;
using namespace osiekit::server::test;
using Catch::Matchers::Contains;

TEST_CASE("MACs are compared in one form") {
    CHECK(canonical_mac("52:54:00:AB:cd:01") == "52:54:00:ab:cd:01");
    CHECK(canonical_mac("52-54-00-ab-cd-01") == "52:54:00:ab:cd:01");
    CHECK(canonical_mac("525400abcd01") == "52:54:00:ab:cd:01");
    for (const char* bad : {"", "52:54:00:ab:cd", "52:54:00:ab:cd:01:02", "gg:54:00:ab:cd:01",
                            "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"})
        CHECK_FALSE(canonical_mac(bad));
    CHECK(canonical_id("5254.00AB.CD01") == "52:54:00:ab:cd:01");
    CHECK(canonical_id("0eba0bf8-3772-4b4a-ab9f-6ebe93b90a94") ==
          "0eba0bf8-3772-4b4a-ab9f-6ebe93b90a94");
}

TEST_CASE("A CRD record is read") {
    auto hardware = parse_hardware(machine);
    REQUIRE(hardware);
    CHECK(hardware->name == "machine-1");
    CHECK(hardware->macs() == std::vector<std::string>{mac, "52:54:00:12:34:02"});
    CHECK(hardware->default_agent_id() == mac);
    const Interface& first = hardware->interfaces[0];
    CHECK(first.address == "192.0.2.10");
    CHECK(first.netmask == "255.255.255.0");
    CHECK(first.gateway == "192.0.2.1");
    CHECK(first.allow_pxe);
    CHECK_FALSE(hardware->interfaces[1].allow_pxe);
    CHECK(hardware_from_document(hardware->document)->macs() == hardware->macs());
}

TEST_CASE("The agent id is the record's, else the MAC that may netboot") {
    std::string text = R"({"kind":"Hardware","metadata":{"name":"m"},"spec":{"agentID":"AGENT",
        "interfaces":[{"dhcp":{"mac":"52:54:00:00:00:01"}},
                      {"dhcp":{"mac":"52:54:00:00:00:02"},"netboot":{"allowPXE":true}}]}})";
    CHECK(parse_hardware(text)->default_agent_id() == "AGENT");
    auto cut = text.find("\"agentID\":\"AGENT\",");
    text.erase(cut, std::string("\"agentID\":\"AGENT\",").size());
    CHECK(parse_hardware(text)->default_agent_id() == "52:54:00:00:00:02");
}

TEST_CASE("A Postgres-era record becomes the CRD's shape") {
    auto hardware = parse_hardware(R"({
        "id": "0eba0bf8-3772-4b4a-ab9f-6ebe93b90a94", "version": 3,
        "metadata": "{\"facility\":{\"facility_code\":\"ewr1\"},\"instance\":{\"hostname\":\"h\"}}",
        "network": {"interfaces": [{
            "dhcp": {"mac": "00:1B:21:AA:bb:cc", "hostname": "h", "lease_time": 86400,
                     "arch": "x86_64", "uefi": false,
                     "ip": {"address": "192.0.2.5", "netmask": "255.255.255.248",
                            "gateway": "192.0.2.1"}},
            "netboot": {"allow_pxe": true, "allow_workflow": true,
                        "osie": {"base_url": "http://mirror.example/osie", "kernel": "k"}}}]}})");
    if (!hardware) FAIL(hardware.error().to_string());
    CHECK(hardware->name == "0eba0bf8-3772-4b4a-ab9f-6ebe93b90a94");
    CHECK(hardware->interfaces[0].mac == "00:1b:21:aa:bb:cc");
    CHECK(hardware->interfaces[0].allow_pxe);
    CHECK(hardware->interfaces[0].lease_seconds == 86400);
    CHECK(hardware->interfaces[0].osie_base_url == "http://mirror.example/osie");
    CHECK(hardware->interfaces[0].osie_kernel == "k");
    CHECK(hardware->facility == "ewr1");
    CHECK(hardware->document["spec"]["metadata"]["instance"]["hostname"] == "h");
    CHECK(hardware->document["kind"] == "Hardware");
}

TEST_CASE("What is wrong with a record is said with path and hint") {
    auto text = [](const std::string& spec) {
        return failure(parse_hardware("kind: Hardware\nmetadata: {name: m}\nspec:\n" + spec));
    };
    CHECK_THAT(text("  interfaces: [{dhcp: {mac: 52:54}}]\n"),
               Contains("line 4: spec.interfaces[0].dhcp.mac: \"52:54\" is not a MAC address"));
    CHECK_THAT(text("  interfaces: []\n"), Contains("spec.interfaces: is missing or empty"));
    CHECK_THAT(text("  interfaces: [{dhcp: {mac: '52:54:00:00:00:01', ip: {address: 1.2.3.4}}}]\n"),
               Contains("ip.netmask: is missing beside the address"));
    CHECK_THAT(text("  interfaces: [{dhcp: {mac: '52:54:00:00:00:01', ip: {address: 1.2.3.4, "
                    "netmask: 255.0.255.0}}}]\n"),
               Contains("\"255.0.255.0\" is not a netmask"));
    CHECK_THAT(text("  interfaces: [{dhcp: {mac: '52:54:00:00:00:01', name_servers: [dns]}}]\n"),
               Contains("name_servers[0]: \"dns\" is not an IPv4 address"));
    CHECK_THAT(text("  interfaces: [{dhcp: {mac: '52:54:00:00:00:01', lease_time: 4294967296}}]\n"),
               Contains("lease_time: 4294967296 is outside 0 to 4294967295"));
    CHECK_THAT(text("  interfaces: [{dhcp: {mac: '52:54:00:00:00:01'}}, "
                    "{dhcp: {mac: '52-54-00-00-00-01'}}]\n"),
               Contains("is given twice"));
    CHECK_THAT(text("  interfaces: [{dhcp: {mac: '52:54:00:00:00:01', hostname: 'a b'}}]\n"),
               Contains("\"a b\" is not a host name"));
    CHECK_THAT(text("  disks: [{device: vda}]\n"), Contains("\"vda\" is no path"));
    CHECK_THAT(text("  interface: []\n"), Contains("did you mean 'interfaces'?"));
    CHECK_THAT(failure(parse_hardware("kind: Template\n")),
               Contains("\"Template\" is not Hardware") && Contains("metadata.name: is missing") &&
                   Contains("spec: is missing"));
    CHECK_THAT(failure(parse_hardware("just text")), Contains("not a mapping"));
    CHECK_THAT(failure(parse_hardware("{\"id\": \"x\"}")), Contains("network.interfaces"));
    CHECK_THAT(failure(parse_hardware(R"({"id":"x","metadata":"{","network":{"interfaces":[]}})")),
               Contains("JSON text in metadata"));
}
