// With the real kernel, each test in a network namespace of its own. Needs root.
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <csignal>
#include <future>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"
#include "lib/bridge/bridge.hpp"
#include "lib/bridge/messages.hpp"
#include "lib/netlink/link.hpp"
#include "tests/unit/network/own_network.hpp"

using namespace osiekit;
using namespace osiekit::bridge;
using osiekit::test::in_own_network;

namespace {

constexpr const char* forward_file = "/proc/sys/net/ipv4/ip_forward";

// A process with a network namespace of its own that waits.
class Sandboxed {
  public:
    Sandboxed() {
        int ends[2];
        REQUIRE(::pipe(ends) == 0);
        pid_ = ::fork();
        REQUIRE(pid_ >= 0);
        if (pid_ == 0) {
            bool own = ::unshare(CLONE_NEWNET) == 0;
            if (!own || ::write(ends[1], "r", 1) != 1) ::_exit(1);
            for (;;) ::pause();
        }
        char ready = 0;
        REQUIRE(::read(ends[0], &ready, 1) == 1);
        ::close(ends[0]);
        ::close(ends[1]);
    }
    Sandboxed(const Sandboxed&) = delete;
    ~Sandboxed() { end(); }
    void end() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = -1;
    }
    pid_t pid() const { return pid_; }

  private:
    pid_t pid_ = -1;
};

std::vector<Link> links() {
    auto socket = NetlinkSocket::open(NETLINK_ROUTE);
    REQUIRE(socket);
    return list_links(*socket).value();
}

const Link* find(const std::vector<Link>& all, const std::string& name) {
    auto found =
        std::find_if(all.begin(), all.end(), [&](const Link& link) { return link.name == name; });
    return found == all.end() ? nullptr : &*found;
}

std::string forwarding() {
    return std::string(trim(read_file(forward_file).value()));
}

Bridge made() {
    auto bridge = Bridge::create();
    if (!bridge) FAIL(bridge.error().to_string() << " " << bridge.error().hint());
    return *std::move(bridge);
}

void set_forwarding(const char* value) {
    Fd file = open_file(forward_file, O_WRONLY).value();
    REQUIRE(write_all(file.get(), value).ok());
}

}  // namespace

TEST_CASE("a bridge is made, gets a port, and goes without a trace") {
    in_own_network([] {
        Sandboxed sandbox;
        REQUIRE(forwarding() == "0");
        {
            Bridge bridge = made();
            CHECK(bridge.name() == "osie0");
            CHECK(bridge.gateway() == Ipv4(172, 30, 0, 1));
            CHECK(bridge.inside() == Ipv4(172, 30, 0, 2));
            REQUIRE(bridge.attach(sandbox.pid()).ok());
            auto all = links();
            const Link* seen = find(all, "osie0");
            const Link* port = find(all, "osie0p");
            REQUIRE(seen != nullptr);
            REQUIRE(port != nullptr);
            CHECK(seen->up);
            CHECK(read_bridge_note(seen->alias) == false);
            CHECK(port->master == seen->index);
            CHECK(port->up);
            CHECK(find(all, "eth0") == nullptr);  // it is in the sandbox
            CHECK(forwarding() == "1");
        }
        CHECK(links().size() == 1);
        CHECK(forwarding() == "0");
    });
}

TEST_CASE("two at once: each with its own, and the last restores") {
    in_own_network([] {
        Sandboxed one;
        Sandboxed other;
        Bridge first = made();
        REQUIRE(first.attach(one.pid()).ok());
        Bridge second = made();
        CHECK(second.name() == "osie1");
        CHECK(second.gateway() == Ipv4(172, 30, 1, 1));
        REQUIRE(second.attach(other.pid()).ok());
        REQUIRE(first.remove().ok());
        CHECK(forwarding() == "1");
        CHECK(find(links(), "osie0") == nullptr);
        REQUIRE(second.remove().ok());
        CHECK(forwarding() == "0");
        CHECK(links().size() == 1);
    });
}

TEST_CASE("a machine that forwards goes on doing so") {
    in_own_network([] {
        set_forwarding("1");
        Sandboxed sandbox;
        Bridge bridge = made();
        REQUIRE(bridge.attach(sandbox.pid()).ok());
        REQUIRE(bridge.remove().ok());
        CHECK(forwarding() == "1");
    });
}

TEST_CASE("what a killed agent left is removed by the next, what is in use is not") {
    in_own_network([] {
        Sandboxed living;
        Bridge used = made();
        REQUIRE(used.attach(living.pid()).ok());
        {
            Sandboxed killed;
            Bridge left = made();
            REQUIRE(left.attach(killed.pid()).ok());
            CHECK(left.name() == "osie1");
            left.give_up();
        }
        // The kernel takes the cards of a namespace down in its own time.
        while (find(links(), "osie1p") != nullptr) ::sched_yield();
        REQUIRE(find(links(), "osie1") != nullptr);
        REQUIRE(remove_left_bridges().ok());
        CHECK(find(links(), "osie1") == nullptr);
        CHECK(find(links(), "osie0") != nullptr);
        CHECK(forwarding() == "1");
        used.give_up();
        living.end();
        while (find(links(), "osie0p") != nullptr) ::sched_yield();
        REQUIRE(remove_left_bridges().ok());
        CHECK(links().size() == 1);
        CHECK(forwarding() == "0");
    });
}

TEST_CASE("a bridge of somebody else with such a name stays") {
    in_own_network([] {
        CHECK_FALSE(read_bridge_note(""));
        CHECK_FALSE(read_bridge_note("osiekit sandbox, ip_forward was 2"));
        CHECK_FALSE(read_bridge_note("osiekit sandbox, ip_forward was 1 "));
        CHECK(read_bridge_note(bridge_note(true)) == true);
        CHECK(read_bridge_note(bridge_note(false)) == false);
        auto socket = NetlinkSocket::open(NETLINK_ROUTE);
        REQUIRE(socket);
        REQUIRE(socket->request(make_bridge("osie0").message).ok());
        REQUIRE(remove_left_bridges().ok());
        CHECK(find(links(), "osie0") != nullptr);
        CHECK(made().name() == "osie1");
        CHECK(find(links(), "osie0") != nullptr);
        CHECK(forwarding() == "0");
    });
}
