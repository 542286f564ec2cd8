#include <linux/rtnetlink.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "init/network/interface.hpp"
#include "init/network/network.hpp"
#include "init/network/network_config.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "lib/base/text.hpp"
#include "lib/netlink/link.hpp"

using namespace osiekit;
using namespace osiekit::init;
namespace code = dhcp::code;

namespace {

dhcp::Packet ack() {
    dhcp::Packet packet;
    packet.op = dhcp::Operation::reply;
    packet.yiaddr = Ipv4(10, 0, 2, 15);
    packet.options.set_ipv4(code::subnet_mask, Ipv4(255, 255, 255, 0));
    packet.options.set_ipv4(code::router, Ipv4(10, 0, 2, 2));
    packet.options.set_ipv4_list(code::domain_name_server, {Ipv4(10, 0, 2, 3), Ipv4()});
    packet.options.set(code::host_name, std::string("machine\0", 8));
    packet.options.set(code::domain_name, "lab.example");
    packet.options.set_ipv4_list(code::ntp_servers, {Ipv4(10, 0, 2, 4)});
    packet.options.set_u16(code::interface_mtu, 9000);
    return packet;
}

}  // namespace

TEST_CASE("An ACK becomes an interface's configuration") {
    NetworkConfig config = config_of(ack());
    CHECK(config.address == Ipv4(10, 0, 2, 15));
    CHECK(config.prefix_length == 24);
    REQUIRE(config.routes.size() == 1);
    CHECK(config.routes[0] == dhcp::Route{Ipv4(), 0, Ipv4(10, 0, 2, 2)});
    CHECK(config.nameservers == std::vector<Ipv4>{Ipv4(10, 0, 2, 3)});
    CHECK(config.hostname == "machine");
    CHECK(config.search == std::vector<std::string>{"lab.example"});
    CHECK(config.ntp == std::vector<Ipv4>{Ipv4(10, 0, 2, 4)});
    CHECK(config.mtu == 9000);
}

TEST_CASE("Classless routes replace the router, a search list the domain") {
    dhcp::Packet packet = ack();
    std::vector<dhcp::Route> routes = {{Ipv4(), 0, Ipv4(10, 0, 2, 9)},
                                       {Ipv4(10, 9, 0, 0), 16, Ipv4(10, 0, 2, 8)}};
    packet.options.set(code::classless_static_route, dhcp::encode_routes(routes));
    packet.options.set(code::domain_search,
                       *dhcp::encode_domain_search({"a.example", "b.example"}));
    NetworkConfig config = config_of(packet);
    CHECK(config.routes == routes);
    CHECK(config.search == std::vector<std::string>{"a.example", "b.example"});
}

TEST_CASE("Nonsense in an ACK is left out") {
    dhcp::Packet packet = ack();
    packet.options.set(code::subnet_mask, "abc");
    packet.options.set(code::host_name, "bad name\n");
    packet.options.set(code::domain_name, "x;y\nnameserver");
    packet.options.set_u16(code::interface_mtu, 575);
    packet.options.set(code::classless_static_route, "\x99");
    packet.options.set_ipv4(code::router, Ipv4());
    packet.yiaddr = Ipv4(192, 168, 1, 5);
    NetworkConfig config = config_of(packet);
    CHECK(config.prefix_length == 24);
    CHECK(config.hostname.empty());
    CHECK_FALSE(config.mtu);
    CHECK(config.routes.empty());
    CHECK(config.search == std::vector<std::string>{"nameserver"});
    packet.options.set_u16(code::interface_mtu, 576);
    CHECK(config_of(packet).mtu == 576);
    packet.yiaddr = Ipv4(10, 1, 1, 1);
    CHECK(config_of(packet).prefix_length == 8);
    packet.yiaddr = Ipv4(172, 16, 1, 1);
    CHECK(config_of(packet).prefix_length == 16);
}

TEST_CASE("Host names are held to their limit") {
    CHECK(usable_hostname("node-1.lab.example"));
    CHECK(usable_hostname(std::string(64, 'a')));
    CHECK_FALSE(usable_hostname(std::string(65, 'a')));
    CHECK_FALSE(usable_hostname(""));
    CHECK_FALSE(usable_hostname("-a"));
    CHECK_FALSE(usable_hostname("a b"));
    CHECK_FALSE(usable_hostname("a_b"));
    CHECK(usable_domain("_tcp.example"));
    CHECK(usable_domain(std::string(253, 'a')));
    CHECK_FALSE(usable_domain(std::string(254, 'a')));
}

TEST_CASE("The resolver's files are written") {
    NetworkConfig config = config_of(ack());
    CHECK(render_resolv_conf(config) ==
          "search lab.example\nnameserver 10.0.2.3\noptions timeout:2 attempts:3\n");
    CHECK(render_hosts("machine", config).find("10.0.2.15 machine.lab.example machine\n") !=
          std::string::npos);
    config.nameservers.assign(5, Ipv4(1, 1, 1, 1));
    std::string text = render_resolv_conf(config);
    auto lines = split(text, '\n');
    CHECK(std::count(lines.begin(), lines.end(), "nameserver 1.1.1.1") == 3);
    auto root = TempDir::create();
    REQUIRE(root);
    CHECK(*write_network_files(root->path(), config, "osie") == "machine");
    CHECK(*read_file(*root / "etc/resolv.conf") == text);
    CHECK(read_file(*root / "etc/hosts")->find("127.0.0.1 localhost") == 0);
    config.hostname.clear();
    CHECK(*write_network_files(root->path(), config, "osie") == "osie");
}

TEST_CASE("The real kernel lists the loopback interface") {
    auto socket = NetlinkSocket::open(NETLINK_ROUTE);
    REQUIRE(socket);
    auto links = list_links(*socket);
    REQUIRE(links);
    auto lo = std::find_if(links->begin(), links->end(),
                           [](const Link& link) { return link.name == "lo"; });
    REQUIRE(lo != links->end());
    CHECK_FALSE(lo->ethernet);
}

TEST_CASE("The kernel's refusal comes back as an error") {
    auto socket = NetlinkSocket::open(NETLINK_ROUTE);
    REQUIRE(socket);
    Status status = set_link_up(*socket, 0x7ffffff0);
    REQUIRE_FALSE(status);
    CHECK(status.error().to_string().find("switching the link on") != std::string::npos);
}
