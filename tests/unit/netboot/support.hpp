#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <catch2/catch.hpp>
#include <string>
#include <string_view>

#include "lib/base/fd.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "server/netboot/ipxe/binaries.hpp"
#include "server/netboot/netboot.hpp"

namespace osiekit::netboot::test {

inline const Ipv4 loopback(127, 0, 0, 1);
// Long enough for a loaded machine; a test that meets it fails.
constexpr int patience_milliseconds = 10'000;

// A UDP client on loopback.
class UdpClient {
  public:
    UdpClient() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in local = address(0);
        REQUIRE(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&local), sizeof local) == 0);
        socklen_t length = sizeof local;
        REQUIRE(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&local), &length) == 0);
        port_ = ntohs(local.sin_port);
    }
    std::uint16_t port() const { return port_; }
    void send(std::string_view bytes, std::uint16_t to) {
        sockaddr_in peer = address(to);
        REQUIRE(::sendto(socket_.get(), bytes.data(), bytes.size(), 0,
                         reinterpret_cast<sockaddr*>(&peer),
                         sizeof peer) == static_cast<ssize_t>(bytes.size()));
    }
    std::string receive() {
        pollfd waited{socket_.get(), POLLIN, 0};
        REQUIRE(::poll(&waited, 1, patience_milliseconds) == 1);
        std::array<char, 65536> buffer;
        auto n = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
        REQUIRE(n >= 0);
        return {buffer.data(), static_cast<std::size_t>(n)};
    }

  private:
    static sockaddr_in address(std::uint16_t port) {
        sockaddr_in result{};
        result.sin_family = AF_INET;
        result.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        result.sin_port = htons(port);
        return result;
    }
    Fd socket_;
    std::uint16_t port_ = 0;
};

// A folder with small stand-ins for the iPXE binaries of Debian's package.
class IpxeFolder {
  public:
    IpxeFolder() : folder_(TempDir::create().value()) {
        for (const char* name : {"undionly.kpxe", "snponly.efi", "ipxe.efi"})
            REQUIRE(write_file(folder_ / name, "binary " + std::string(name)));
        REQUIRE(write_file(folder_ / "README", "not a binary"));
    }
    const std::filesystem::path& path() const { return folder_.path(); }
    ipxe::Binaries load() const { return ipxe::Binaries::load(path()).value(); }

  private:
    TempDir folder_;
};

inline MacAddress example_mac() {
    return *MacAddress::parse("52:54:00:aa:bb:01");
}

inline Machine example_machine() {
    Machine machine;
    machine.mac = example_mac();
    machine.address = Ipv4(192, 0, 2, 20);
    machine.netmask = Ipv4(255, 255, 255, 0);
    machine.gateway = Ipv4(192, 0, 2, 254);
    machine.hostname = "node7";
    machine.facility = "onprem";
    return machine;
}

}  // namespace osiekit::netboot::test
