#include "server/netboot/tftp/server.hpp"

#include <catch2/catch.hpp>
#include <mutex>
#include <string>
#include <vector>

#include "lib/base/child.hpp"
#include "tests/unit/netboot/support.hpp"

using namespace osiekit;
using namespace osiekit::netboot;
using namespace std::string_literals;
using netboot::test::UdpClient;

namespace {

struct Fixture {
    std::shared_ptr<const std::string> content;
    std::mutex mutex;
    std::vector<std::string> kinds;
    std::unique_ptr<tftp::Server> server;

    explicit Fixture(std::size_t size = 3000) {
        std::string text(size, '\0');
        for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 31 + i / 512);
        content = std::make_shared<const std::string>(text);
        tftp::Server::Options options;
        options.address.s_addr = htonl(INADDR_LOOPBACK);
        server = tftp::Server::start(
                     options,
                     [this](const tftp::FileName& name) {
                         return name.base == "ipxe.efi" ? content : nullptr;
                     },
                     [this](std::string_view kind, const tftp::Client&, const std::string&) {
                         std::lock_guard lock(mutex);
                         kinds.emplace_back(kind);
                     })
                     .value();
    }
};

std::string read_request(const std::string& file, const std::string& options = {}) {
    return "\0\1"s + file + "\0octet\0"s + options;
}

std::string ack(unsigned block) {
    return "\0\4"s + static_cast<char>(block >> 8U) + static_cast<char>(block);
}

}  // namespace

TEST_CASE("a transfer by hand, from the listening port") {
    Fixture fixture;
    UdpClient client;
    client.send(read_request("/aa:bb/ipxe.efi", "blksize\0002000\0tsize\0000\0"s),
                fixture.server->port());
    CHECK(client.receive() == "\0\6blksize\0002000\0tsize\0003000\0"s);
    client.send(ack(0), fixture.server->port());
    CHECK(client.receive().substr(4) == fixture.content->substr(0, 2000));
    client.send(ack(1), fixture.server->port());
    CHECK(client.receive().substr(4) == fixture.content->substr(2000));
    client.send(ack(2), fixture.server->port());
    // The transfer is over, so its port is a stranger's now.
    client.send(ack(2), fixture.server->port());
    CHECK(client.receive().substr(0, 4) == "\0\5\0\5"s);
    std::lock_guard lock(fixture.mutex);
    CHECK(fixture.kinds == std::vector<std::string>{"tftp.read", "tftp.done"});
}

TEST_CASE("a lost first answer: the request comes again and so does the answer") {
    Fixture fixture;
    UdpClient client;
    const auto request = read_request("ipxe.efi", "blksize\0001024\0"s);
    for (int i = 0; i < 2; ++i) {
        client.send(request, fixture.server->port());
        CHECK(client.receive() == "\0\6blksize\0001024\0"s);
    }
    std::lock_guard lock(fixture.mutex);
    CHECK(fixture.kinds == std::vector<std::string>{"tftp.read"});
}

TEST_CASE("a lost block is sent again without being asked for") {
    Fixture fixture;
    UdpClient client;
    client.send(read_request("ipxe.efi"), fixture.server->port());
    CHECK(client.receive() == client.receive());
}

TEST_CASE("refusals and scraps; the server lives on") {
    Fixture fixture;
    UdpClient client;
    for (const auto& [bytes, code] : {std::pair{read_request("nothing"), '\1'},
                                      {read_request("../ipxe.efi"), '\2'},
                                      {"\0\2ipxe.efi\0octet\0"s, '\2'},
                                      {read_request(std::string(1500, 'x')), '\4'},
                                      {"\0\x63"s, '\4'},
                                      {ack(1), '\5'}}) {
        client.send(bytes, fixture.server->port());
        CHECK(client.receive().substr(0, 4) == "\0\5\0"s + code);
    }
    client.send("", fixture.server->port());
    client.send("\0\5", fixture.server->port());
    client.send(read_request("ipxe.efi"), fixture.server->port());
    CHECK(client.receive().substr(0, 4) == "\0\3\0\1"s);
}

TEST_CASE("a client's error ends its transfer") {
    Fixture fixture;
    UdpClient client;
    client.send(read_request("ipxe.efi"), fixture.server->port());
    client.receive();
    client.send("\0\5\0\10enough\0"s, fixture.server->port());
    client.send(ack(1), fixture.server->port());
    CHECK(client.receive().substr(0, 4) == "\0\5\0\5"s);
}

TEST_CASE("curl fetches a file of many blocks") {
    Fixture fixture(300'000);
    auto folder = TempDir::create().value();
    const std::string url = "tftp://127.0.0.1:" + std::to_string(fixture.server->port());
    for (const char* block_size : {"512", "1432", "60000"}) {
        auto file = (folder / "got").string();
        auto ran = run_command({"curl", "-sS", "--max-time", "60", "--tftp-blksize", block_size,
                                "-o", file, url + "/ipxe.efi"});
        REQUIRE(ran);
        CHECK(ran->exit_code == 0);
        CHECK((read_file(file).value() == *fixture.content));
    }
}

TEST_CASE("Debian's tftp client fetches a file") {
    Fixture fixture(100'000);
    auto folder = TempDir::create().value();
    auto file = (folder / "got").string();
    auto ran = run_command({"tftp", "-m", "binary", "127.0.0.1",
                            std::to_string(fixture.server->port()), "-c", "get", "ipxe.efi", file});
    REQUIRE(ran);
    CHECK((read_file(file).value() == *fixture.content));
}
