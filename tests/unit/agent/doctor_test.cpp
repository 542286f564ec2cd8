// What `tink-worker doctor` makes of what it has found about isolation. Needs root for the trials.
#include <net/if.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <filesystem>

#include "agent/commands/doctor_isolation.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "tests/unit/network/own_network.hpp"

using namespace osiekit;
using namespace osiekit::agent;
using Catch::Matchers::Contains;
using Verdict = Finding::Verdict;
namespace fs = std::filesystem;

namespace {

Finding look(const std::string& name) {
    for (const Check& check : isolation_checks())
        if (check.name == name) return check.look(Settings());
    FAIL("there is no check " << name);
    return {};
}

struct Modules {
    TempDir root = TempDir::create("modules").value();
    void list(const char* file, const std::string& text) const {
        fs::create_directories(root / "lib/modules/6.1.0");
        REQUIRE(write_file(root / "lib/modules/6.1.0" / file, text));
    }
    std::vector<std::string> absent() const { return absent_bridge_modules(root.path(), "6.1.0"); }
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("modules are loaded, built in, there to be loaded, or absent") {
    Modules modules;
    CHECK(modules.absent().empty());  // nobody knows
    modules.list("modules.dep", "");
    CHECK(modules.absent() ==
          Names{"bridge", "veth", "nf_tables", "nft_chain_nat", "nft_masq", "nft_ct"});
    modules.list("modules.dep",
                 "kernel/net/bridge/bridge.ko.xz: kernel/net/802/stp.ko.xz\n"
                 "kernel/net/netfilter/nft-masq.ko: kernel/drivers/net/veth.ko\n");
    CHECK(modules.absent() == Names{"veth", "nf_tables", "nft_chain_nat", "nft_ct"});
    modules.list("modules.builtin", "kernel/drivers/net/veth.ko\nkernel/net/nf_tables.ko\n");
    CHECK(modules.absent() == Names{"nft_chain_nat", "nft_ct"});
    fs::create_directories(modules.root / "sys/module/nft_ct");
    CHECK(modules.absent() == Names{"nft_chain_nat"});
}

TEST_CASE("verdicts about the network bridge say what to do") {
    BridgeFacts facts;
    CHECK(judge_bridge(facts).verdict == Verdict::warning);
    CHECK(judge_bridge(facts).hint == "use sudo");
    facts.root = true;
    facts.trial = Error(ErrorKind::io, "cannot open it: Read-only file system");
    auto read_only = judge_bridge(facts);
    CHECK(read_only.verdict == Verdict::warning);
    CHECK_THAT(read_only.text, Contains("/proc/sys/net/ipv4/ip_forward"));
    CHECK_THAT(read_only.hint, Contains("/proc"));
    facts.forwarding_writable = true;
    facts.trial = {};
    CHECK(judge_bridge(facts).verdict == Verdict::ok);
    CHECK(judge_bridge(facts).hint.empty());
    facts.trial = Error(ErrorKind::unsupported, "making the table: No such file");
    CHECK(judge_bridge(facts).verdict == Verdict::warning);
    CHECK_THAT(judge_bridge(facts).text, Contains("making the table"));
    CHECK_THAT(judge_bridge(facts).hint, Contains("nf_tables"));
    facts.trial = Error(ErrorKind::unsupported, "making the table").hint("as the kernel said");
    CHECK(judge_bridge(facts).hint == "as the kernel said");
    facts.absent = {"veth", "nft_ct"};
    CHECK_THAT(judge_bridge(facts).hint, Contains("veth, nft_ct") && Contains("modules.include"));
}

TEST_CASE("verdicts about user namespaces say what to do") {
    auto judged = [](std::uint32_t user, std::optional<std::uint64_t> limit, int made, int mapped) {
        Finding finding = judge_user_namespace({user, limit, made, mapped});
        CHECK((finding.verdict == Verdict::ok) == (made == 0 && mapped == 0));
        CHECK((finding.verdict == Verdict::ok) == finding.hint.empty());
        return finding.text + " -> " + finding.hint;
    };
    CHECK_THAT(judged(0, 5, 0, 0), Contains("nobody of the machine") && Contains("newuidmap"));
    CHECK_THAT(judged(1000, 5, 0, 0), Contains("user 1000"));
    CHECK_THAT(judged(0, 0, ENOSPC, 0), Contains("max_user_namespaces is 0") && Contains("sysctl"));
    CHECK_THAT(judged(0, 3, ENOSPC, 0), Contains("max_user_namespaces is 3"));
    CHECK_THAT(judged(0, std::nullopt, EINVAL, 0), Contains("CONFIG_USER_NS"));
    CHECK_THAT(judged(0, 5, EPERM, 0), Contains("container runtime"));
    CHECK_THAT(judged(1000, 5, EPERM, 0), Contains("unprivileged_userns_clone"));
    CHECK_THAT(judged(0, 5, 0, EPERM), Contains("uid_map") && Contains("1048576"));
    CHECK_THAT(judged(1000, 5, 0, EPERM), Contains("uid_map") && Contains("security module"));
}

TEST_CASE("the trials find what the sandbox's own tests rely on, and leave nothing behind") {
    REQUIRE(::geteuid() == 0);
    osiekit::test::in_own_network([] {
        Finding bridge = look("bridge");
        INFO(bridge.text << " -> " << bridge.hint);
        CHECK(bridge.verdict == Verdict::ok);
        CHECK(read_file("/proc/sys/net/ipv4/ip_forward").value() == "0\n");
        CHECK(::if_nametoindex("osie0") == 0);
    });
    Finding users = look("user-namespace");
    INFO(users.text << " -> " << users.hint);
    CHECK(users.verdict == Verdict::ok);
}
