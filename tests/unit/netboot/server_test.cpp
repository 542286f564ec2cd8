#include <atomic>
#include <catch2/catch.hpp>
#include <mutex>
#include <string>
#include <vector>

#include "lib/dhcp/packet.hpp"
#include "lib/http/http_client.hpp"
#include "tests/unit/netboot/support.hpp"

using namespace osiekit;
using namespace osiekit::netboot;
using namespace std::string_literals;
namespace code = osiekit::dhcp::code;

namespace {

// The whole library on loopback; the test plays a relay, whose address replies go to.
struct Fixture {
    test::IpxeFolder ipxe_folder;
    TempDir osie = TempDir::create().value();
    test::UdpClient relay;
    Machine machine = test::example_machine();
    std::mutex mutex;
    std::vector<NetbootEvent> events;
    std::unique_ptr<NetbootServer> server;

    Fixture() {
        REQUIRE(write_file(osie / "vmlinuz", "the kernel"));
        REQUIRE(write_file(osie / "initramfs", "the initramfs"));
    }
    Settings settings() const {
        Settings result;
        result.address = test::loopback;
        result.dhcp_port = result.tftp_port = result.http_port = 0;
        result.dhcp_relay_port = relay.port();
        result.ipxe_dir = ipxe_folder.path();
        result.osie_dir = osie.path();
        return result;
    }
    void start(Settings given) {
        Logger::Options quiet;
        quiet.level = LogLevel::error;
        server = NetbootServer::start(
                     std::move(given),
                     [this](const MacAddress& mac) -> std::optional<Machine> {
                         if (mac != machine.mac) return std::nullopt;
                         return machine;
                     },
                     [this](const NetbootEvent& event) {
                         std::lock_guard lock(mutex);
                         events.push_back(event);
                     },
                     Logger(quiet))
                     .value();
    }
    std::string url() const { return "http://127.0.0.1:" + std::to_string(server->ports().http); }
    http::Response get(const std::string& path) const {
        http::Request request;
        request.url = url() + path;
        return http::Client().perform(request).value();
    }
    dhcp::Packet discover() const {
        dhcp::Packet packet;
        packet.xid = 77;
        packet.set_mac(machine.mac);
        packet.giaddr = test::loopback;
        packet.options.set_message_type(dhcp::MessageType::discover);
        packet.options.set(code::user_class, "iPXE");
        return packet;
    }
    bool happened(std::string_view kind) {
        std::lock_guard lock(mutex);
        for (const auto& event : events)
            if (event.kind == kind && event.mac == machine.mac) return true;
        return false;
    }
};

}  // namespace

TEST_CASE("from DISCOVER to the kernel over real sockets") {
    Fixture fixture;
    fixture.start(fixture.settings());
    fixture.relay.send(dhcp::build(fixture.discover()).value(), fixture.server->ports().dhcp);
    auto offer = dhcp::parse(fixture.relay.receive()).value();
    CHECK(offer.xid == 77);
    CHECK(offer.yiaddr == fixture.machine.address);
    const std::string script = "/ipxe/script/52:54:00:aa:bb:01/auto.ipxe";
    CHECK(offer.file == fixture.url() + script);

    auto answer = fixture.get(script);
    CHECK(answer.status == 200);
    CHECK(answer.body.find("set download-url " + fixture.url() + "/osie\n") != std::string::npos);
    CHECK(answer.body.find("grpc_authority=127.0.0.1:42113 ") != std::string::npos);
    CHECK(fixture.get("/osie/vmlinuz").body == "the kernel");
    CHECK(fixture.get("/ipxe/binary/ipxe.efi").body == "binary ipxe.efi");
    CHECK(fixture.get("/ipxe/binary/52-54-00-aa-bb-01/ipxe.efi").status == 200);

    test::UdpClient client;
    client.send("\0\1undionly.kpxe\0octet\0"s, fixture.server->ports().tftp);
    CHECK(client.receive() == "\0\3\0\1binary undionly.kpxe"s);
    CHECK(fixture.happened("dhcp.offer"));
    CHECK(fixture.happened("http.script"));
    CHECK(fixture.happened("http.binary"));
}

TEST_CASE("the script has the arguments of the image that is there at the moment") {
    Fixture fixture;
    const std::string script = "/ipxe/script/52:54:00:aa:bb:01/auto.ipxe";
    auto manifest = fixture.osie / "manifest.json";
    REQUIRE(write_file(manifest, R"({"format": 1, "kernel": {"cmdline": "of_the_image=1"}})"));
    fixture.start(fixture.settings());
    CHECK(fixture.get(script).body.find("/vmlinuz of_the_image=1 facility=") != std::string::npos);
    REQUIRE(write_file(manifest, R"({"format": 1, "kernel": {"cmdline": "of_the_image=2"}})"));
    CHECK(fixture.get(script).body.find("/vmlinuz of_the_image=2 facility=") != std::string::npos);
    REQUIRE(write_file(manifest, R"({"format": 1, "kernel": {"cmdline": "a || shell"}})"));
    CHECK(fixture.get(script).status == 500);
    REQUIRE(write_file(manifest, "no JSON"));
    CHECK(fixture.get(script).status == 500);
    fixture.machine.base_url = "http://files.example/hook";
    CHECK(fixture.get(script).body.find("/vmlinuz facility=") != std::string::npos);
    fixture.machine.base_url.clear();
    std::filesystem::remove(manifest);
    CHECK(fixture.get(script).body.find("/vmlinuz facility=") != std::string::npos);
}

TEST_CASE("firmware that is sent away with a file that is not there has not failed") {
    Fixture fixture;
    fixture.start(fixture.settings());
    auto kind_of = [&fixture](const std::string& file) {
        test::UdpClient client;
        client.send("\0\1"s + file + "\0octet\0"s, fixture.server->ports().tftp);
        CHECK(client.receive().substr(0, 4) == "\0\5\0\1"s);
        std::lock_guard lock(fixture.mutex);
        return fixture.events.back().kind;
    };
    CHECK(kind_of("/boot-from-local-disk") == "tftp.sent_away");
    CHECK(kind_of("/netboot-not-allowed") == "tftp.sent_away");
    CHECK(kind_of("/boot-from-local-disk2") == "tftp.failed");
}

TEST_CASE("bad packets change nothing for good ones") {
    Fixture fixture;
    fixture.start(fixture.settings());
    auto port = fixture.server->ports().dhcp;
    const auto good = dhcp::build(fixture.discover()).value();
    fixture.relay.send("", port);
    fixture.relay.send(std::string(20, '\1'), port);
    fixture.relay.send(good.substr(0, 239), port);
    auto bad_operation = good;
    bad_operation[0] = 9;
    fixture.relay.send(bad_operation, port);
    auto giant = fixture.discover();
    giant.options.set(code::vendor_class, std::string(3000, 'x'));
    fixture.relay.send(dhcp::build(giant).value(), port);
    CHECK(dhcp::parse(fixture.relay.receive())->xid == 77);
    auto beyond_the_buffer = fixture.discover();
    beyond_the_buffer.options.set(code::vendor_class, std::string(9000, 'x'));
    fixture.relay.send(dhcp::build(beyond_the_buffer).value(), port);
    auto second = fixture.discover();
    second.xid = 78;
    fixture.relay.send(dhcp::build(second).value(), port);
    CHECK(dhcp::parse(fixture.relay.receive())->xid == 78);
}

TEST_CASE("scripts: unknown machines, those not allowed, and records that would inject") {
    Fixture fixture;
    fixture.start(fixture.settings());
    const std::string path = "/ipxe/script/52:54:00:aa:bb:01/auto.ipxe";
    CHECK(fixture.get("/ipxe/script/02:00:00:00:00:01/auto.ipxe").status == 404);
    CHECK(fixture.get("/ipxe/script/nonsense/auto.ipxe").status == 404);
    CHECK(fixture.get("/ipxe/script/52:54:00:aa:bb:01/other").status == 404);
    fixture.machine.facility = "x\nshell";
    auto refused = fixture.get(path);
    CHECK(refused.status == 500);
    CHECK(refused.body.find("shell") == std::string::npos);
    fixture.machine.facility.clear();
    fixture.machine.allow_pxe = false;
    CHECK(fixture.get(path).status == 404);
}

TEST_CASE("files: only those of the folder") {
    Fixture fixture;
    fixture.start(fixture.settings());
    CHECK(fixture.get("/osie/missing").status == 404);
    CHECK(fixture.get("/osie/").status == 404);
    CHECK(fixture.get("/osie/.hidden").status == 404);
    CHECK(fixture.get("/ipxe/binary/README").status == 404);
    CHECK(fixture.get("/ipxe/binary/nonsense/ipxe.efi").status == 404);
}

TEST_CASE("health follows what the main program says") {
    Fixture fixture;
    auto settings = fixture.settings();
    std::atomic<bool> well{false};
    settings.healthy = [&] { return well.load(); };
    fixture.start(settings);
    CHECK(fixture.get("/healthz").status == 503);
    well = true;
    CHECK(fixture.get("/healthz").status == 200);
}

TEST_CASE("handlers of the main program: the longest prefix, whole segments") {
    Fixture fixture;
    fixture.start(fixture.settings());
    CHECK(fixture.get("/metadata").status == 404);
    auto say = [](std::string text) {
        return [text](const HttpQuery& query) {
            HttpAnswer answer;
            answer.body = text + " " + query.path + " " + query.query;
            return answer;
        };
    };
    fixture.server->add_handler("/", say("root"));
    fixture.server->add_handler("/metadata", say("metadata"));
    fixture.server->add_handler("/metadata/deep", say("deep"));
    CHECK(fixture.get("/").body == "root / ");
    CHECK(fixture.get("/metadata").body == "metadata /metadata ");
    CHECK(fixture.get("/metadata/a?b=c").body == "metadata /metadata/a b=c");
    CHECK(fixture.get("/metadata/deep/x").body == "deep /metadata/deep/x ");
    CHECK(fixture.get("/metadata2").body == "root /metadata2 ");
    CHECK(fixture.get("/healthz").body == "ok\n");
}

TEST_CASE("settings that cannot work are refused with advice") {
    Fixture fixture;
    auto refused = [&](const Settings& settings) {
        auto started = NetbootServer::start(
            settings, [](const MacAddress&) { return std::optional<Machine>(); }, {}, Logger());
        REQUIRE_FALSE(started);
        return started.error().hint();
    };
    auto settings = fixture.settings();
    settings.address = Ipv4();
    CHECK(refused(settings).find("--address") != std::string::npos);
    settings = fixture.settings();
    settings.osie_dir = fixture.osie / "missing";
    CHECK(refused(settings).find("--osie") != std::string::npos);
    settings = fixture.settings();
    settings.ipxe_dir = fixture.osie.path();
    CHECK(refused(settings).find("--ipxe-dir") != std::string::npos);
    settings = fixture.settings();
    settings.interface = "no-such-if0";
    CHECK_FALSE(refused(settings).empty());
    fixture.start(fixture.settings());
    settings = fixture.settings();
    settings.tftp_port = fixture.server->ports().dhcp;
    CHECK(refused(settings).find("ss -lunp") != std::string::npos);
    settings = fixture.settings();
    settings.dhcp_port = fixture.server->ports().dhcp;
    CHECK(refused(settings).find("ss -lunp") != std::string::npos);
}

TEST_CASE("parts that are switched off have no port") {
    Fixture fixture;
    auto settings = fixture.settings();
    settings.dhcp_enabled = settings.tftp_enabled = false;
    fixture.start(settings);
    CHECK(fixture.server->ports().dhcp == 0);
    CHECK(fixture.server->ports().tftp == 0);
    CHECK(fixture.server->ports().http != 0);
    fixture.server->stop();
}
