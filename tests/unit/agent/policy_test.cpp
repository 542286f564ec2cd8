// Which images may run, and as what.
#include <catch2/catch.hpp>

#include "agent/action_spec.hpp"
#include "agent/policy.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"

using namespace osiekit;
using namespace osiekit::agent;

namespace {

const std::string digest = "sha256:" + std::string(64, 'a');
const std::string other_digest = "sha256:" + std::string(64, 'b');

Policy policy_from(const std::string& text) {
    auto policy = parse_policy(text);
    if (!policy) FAIL(policy.error().to_string());
    return *std::move(policy);
}

std::string invalid(const std::string& text) {
    auto policy = parse_policy(text);
    REQUIRE(!policy);
    CHECK(policy.error().kind() == ErrorKind::invalid_input);
    return policy.error().to_string();
}

Result<Decision> decide_about(const Policy& policy, const std::string& image, Action action = {}) {
    action.image = image;
    return decide(policy, action, oci::Reference::parse(image).value());
}

// The message of a refusal, which names the rule.
std::string refused(const Policy& policy, const std::string& image, Action action = {}) {
    auto decision = decide_about(policy, image, std::move(action));
    REQUIRE(!decision);
    CHECK(decision.error().kind() == ErrorKind::refused);
    return decision.error().to_string();
}

Action with_volumes(std::vector<std::string> volumes) {
    Action action;
    action.volumes = std::move(volumes);
    return action;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("patterns") {
    CHECK(matches("a/b", "a/b"));
    CHECK(!matches("a/b", "a/bc"));
    CHECK(!matches("a/bc", "a/b"));
    CHECK(matches("a/*", "a/b"));
    CHECK(matches("a/*", "a/"));
    CHECK(!matches("a/*", "a/b/c"));
    CHECK(matches("a/**", "a/b/c"));
    CHECK(matches("**", ""));
    CHECK(matches("*:5000", "10.0.0.1:5000"));
    // A registry of somebody else with our name in the path.
    CHECK(!matches("*.example.org/*", "evil.test/x.example.org/y"));
    CHECK(matches("a/*-v*", "a/x-y-v2"));
    std::string many(500, '*');
    CHECK(matches(many + "b", std::string(2000, 'a') + "b"));
    CHECK(!matches(many + "c", std::string(2000, 'a') + "b"));
}

TEST_CASE("without a policy everything runs, and gets what it asks for") {
    TempDir dir = TempDir::create("policy-test").value();
    auto policy = load_policy(dir / "absent");
    REQUIRE(policy);
    Action action = with_volumes({"/:/host", "/dev:/dev"});
    action.pid_namespace = "host";
    auto decision = decide_about(*policy, "anything:latest", action);
    REQUIRE(decision);
    CHECK(decision->level == sandbox::Level::host);
    CHECK(decision->rule == "compatible");
    CHECK(decision->limits == sandbox::Limits{});
    CHECK(decision->network == sandbox::Network::host);
    CHECK(!decision->volumes_without_links);
    CHECK(!needs_signature(*decision, digest).value());
}

TEST_CASE("a policy that cannot be understood is an error, not a permission") {
    TempDir dir = TempDir::create("policy-test").value();
    REQUIRE(write_file(dir / "policy", "{\"base\": \"strickt\"}").ok());
    auto broken = load_policy(dir / "policy");
    REQUIRE(!broken);
    CHECK(contains(broken.error().to_string(), "strickt"));
    CHECK(contains(broken.error().to_string(), (dir / "policy").string()));
    CHECK(!load_policy(dir.path()));  // a directory
}

TEST_CASE("strict is one word") {
    for (const char* text : {"strict", "strict\n", "\"strict\"", "{\"base\": \"strict\"}"}) {
        INFO(text);
        CHECK(policy_from(text).rules == Policy::strict().rules);
    }
    Policy strict = Policy::strict();
    std::string image = "registry.example/disk@" + digest;
    auto decision = decide_about(strict, image, with_volumes({"/dev:/dev", "/worker:/worker"}));
    REQUIRE(decision);
    CHECK(decision->level == sandbox::Level::disk);
    CHECK(decision->limits.processes.has_value());
    CHECK(decision->volumes_without_links);
    CHECK(!needs_signature(*decision, digest).value());
    CHECK(contains(refused(strict, "registry.example/disk:v1"), "\"strict\""));
    CHECK(contains(refused(strict, "registry.example/disk:v1"), "digest"));
    for (const char* volume : {"/:/host", "/etc:/etc", "/dev/../etc:/x", "/worker/../../:/x",
                               "/devices:/x", "/lib/modules:/lib/modules", "data:/data"}) {
        INFO(volume);
        CHECK(contains(refused(strict, image, with_volumes({"/dev:/dev", volume})), "\"strict\""));
    }
    CHECK(decide_about(strict, image, with_volumes({"/lib/modules:/lib/modules:ro", "/scratch"})));
    CHECK(contains(refused(strict, image, with_volumes({"/lib/modules:/lib/modules"})), ":ro"));
    Action machine;
    machine.pid_namespace = "host";
    CHECK(contains(refused(strict, image, machine), "PID namespace"));
}

TEST_CASE("the first rule that fits decides; the base is for the rest") {
    Policy policy = policy_from(R"({"base": "strict", "rules": [
        {"name": "tools", "images": ["registry.example/tools/*"], "level": "restricted",
         "verify": "none", "namespaces": ["pid:host"], "keep_failed": true,
         "limits": {"memory": "512MiB", "processes": 64, "cpus": 1.5, "io_per_second": 1000000}},
        {"name": "kexec", "images": ["**"], "level": "kexec", "verify": "digest",
         "digests": [")" + digest +
                                R"("]},
        {"name": "never reached", "images": ["**"], "refuse": true}]})");
    auto tools = decide_about(policy, "registry.example/tools/wipe:v1");
    REQUIRE(tools);
    CHECK(tools->rule == "tools");
    CHECK(tools->level == sandbox::Level::restricted);
    CHECK(tools->limits == sandbox::Limits{512ULL << 20U, 64, 1500, 1000000});
    CHECK(tools->network == sandbox::Network::none);
    CHECK(tools->keep_failed);
    auto kexec = decide_about(policy, "registry.example/kexec:v1");
    REQUIRE(kexec);
    CHECK(kexec->level == sandbox::Level::kexec);
    CHECK(!needs_signature(*kexec, digest).value());
    auto wrong = needs_signature(*kexec, other_digest);
    REQUIRE(!wrong);
    CHECK(wrong.error().kind() == ErrorKind::refused);
    CHECK(contains(wrong.error().to_string(), "\"kexec\""));
}

TEST_CASE("an image may be refused, by its name and by its registry") {
    Policy policy =
        policy_from(R"({"base": "compatible", "registries": ["registry.example", "*:5000"],
        "rules": [{"name": "retired", "images": ["registry.example/old/**"], "refuse": true}]})");
    CHECK(contains(refused(policy, "registry.example/old/a/b:v1"), "\"retired\""));
    CHECK(contains(refused(policy, "alpine"), "\"registries\""));
    CHECK(contains(refused(policy, "alpine"), "docker.io"));
    CHECK(decide_about(policy, "10.0.0.1:5000/x"));
    CHECK(decide_about(policy, "registry.example/new:v1"));
    CHECK(!decide_about(policy, "registry.example:5001/new:v1"));
}

TEST_CASE("signatures and digests as proof") {
    Policy signature = policy_from(R"({"base": "compatible", "rules": [
        {"name": "signed", "verify": "signature", "keys": ["/etc/osie/key.pub"]}]})");
    auto decision = decide_about(signature, "registry.example/x@" + digest);
    REQUIRE(decision);
    CHECK(needs_signature(*decision, digest).value());
    CHECK(decision->keys == std::vector<std::filesystem::path>{"/etc/osie/key.pub"});
    CHECK(contains(refuse(*decision, "no signature fits").to_string(), "\"signed\""));

    Policy either = policy_from(R"({"base": "compatible", "rules": [
        {"name": "either", "verify": "either", "keys": ["/etc/osie/key.pub"]}]})");
    CHECK(!needs_signature(*decide_about(either, "r.example/x@" + digest), digest).value());
    CHECK(needs_signature(*decide_about(either, "r.example/x:v1"), digest).value());

    Policy listed = policy_from(R"({"base": "compatible", "rules": [{"name": "listed",
        "verify": "either", "keys": ["/k"], "digests": [")" +
                                digest + R"("]}]})");
    CHECK(!needs_signature(*decide_about(listed, "r.example/x:v1"), digest).value());
    // Named by a digest that is not in the list: the name proves nothing.
    CHECK(needs_signature(*decide_about(listed, "r.example/x@" + other_digest), other_digest)
              .value());
}

TEST_CASE("networks and links") {
    Policy policy = policy_from(R"({"base": "compatible", "rules": [
        {"name": "alone", "images": ["r.example/alone"], "namespaces": []},
        {"name": "any", "images": ["**"], "volumes": ["/data/**", "disk-*"]}]})");
    CHECK(decide_about(policy, "r.example/alone")->network == sandbox::Network::none);
    Action action;
    action.network_namespace = "host";
    CHECK(contains(refused(policy, "r.example/alone", action), "network"));
    CHECK(decide_about(policy, "r.example/any", action)->network == sandbox::Network::host);
    action.network_namespace = "none";
    CHECK(decide_about(policy, "r.example/any", action)->network == sandbox::Network::none);
    CHECK(decide_about(policy, "r.example/alone", action)->network == sandbox::Network::none);
    for (const char* isolated : {"bridge", "default"}) {
        action.network_namespace = isolated;
        CHECK(decide_about(policy, "r.example/any", action)->network == sandbox::Network::bridge);
        CHECK(contains(refused(policy, "r.example/alone", action), "\"alone\""));
        CHECK(contains(refused(policy, "r.example/alone", action), "isolated"));
    }
    Policy isolated = policy_from(R"({"base": "compatible", "rules": [
        {"name": "behind", "namespaces": ["network:bridge"]}]})");
    CHECK(decide_about(isolated, "r.example/x")->network == sandbox::Network::bridge);
    action.network_namespace = "host";
    CHECK(contains(refused(isolated, "r.example/x", action), "\"behind\""));
    action.network_namespace = "none";
    CHECK(decide_about(isolated, "r.example/x", action)->network == sandbox::Network::none);
    CHECK(decide_about(policy, "r.example/any", with_volumes({"disk-1:/d", "/data/x/:/x"})));
    CHECK(!decide_about(policy, "r.example/any", with_volumes({"other:/d"})));
    CHECK(!decide_about(policy, "r.example/any", with_volumes({"/data/../x:/x"})));
}

TEST_CASE("namespaces of unknown names are refused, whatever the policy") {
    for (const Policy& policy : {Policy::compatible(), Policy::strict()}) {
        std::string image = "r.example/x@" + digest;
        for (const char* name : {"container:other", "mynet", "Bridge", "host "}) {
            Action action;
            action.network_namespace = name;
            CHECK(contains(refused(policy, image, action), "\"namespaces\""));
            CHECK(contains(refused(policy, image, action), name));
        }
        Action action;
        action.pid_namespace = "container:other";
        CHECK(contains(refused(policy, image, action), "\"namespaces\""));
    }
}

TEST_CASE("a user namespace by the policy") {
    Policy policy = policy_from(R"({"base": "compatible", "rules": [
        {"name": "nobody", "level": "restricted", "user_namespace": true}]})");
    auto decision = decide_about(policy, "r.example/x");
    REQUIRE(decision);
    CHECK(users_of(*decision) == sandbox::UserMap{});
    Action action;
    action.pid_namespace = "host";
    CHECK(contains(refused(policy, "r.example/x", action), "\"nobody\""));
    CHECK(!users_of(*decide_about(Policy::compatible(), "r.example/x")));
    for (const char* level : {"", R"("level": "disk",)", R"("level": "host",)"})
        CHECK(contains(invalid(std::string(R"({"base": "strict", "rules": [{"name": "a", )") +
                               level + R"("user_namespace": true}]})"),
                       "level restricted"));
    CHECK(policy_from(R"({"base": "strict", "rules": [{"name": "a", "user_namespace": false}]})")
              .rules.size() == 2);
}

TEST_CASE("name servers on the machine's loopback are none for an isolated network") {
    std::string machine =
        "search a.example\nnameserver 127.0.0.53\nnameserver 10.0.0.1\nnameserver ::1\n";
    CHECK(resolv_conf_for(sandbox::Network::host, machine) == machine);
    CHECK(resolv_conf_for(sandbox::Network::none, machine) == machine);
    CHECK(resolv_conf_for(sandbox::Network::bridge, machine) ==
          "search a.example\nnameserver 10.0.0.1\n");
}

TEST_CASE("mistakes in a policy file are named") {
    CHECK(contains(invalid(""), "not JSON"));
    CHECK(contains(invalid("lenient"), "not JSON"));
    CHECK(contains(invalid("\"lenient\""), "lenient"));
    CHECK(contains(invalid("[]"), "object"));
    CHECK(contains(invalid("{}"), "base"));
    CHECK(contains(invalid(R"({"base": "strict", "base": "compatible"})"), "twice"));
    CHECK(contains(invalid(R"({"base": "strict", "registries": []})"), "empty"));
    auto typo = parse_policy(R"({"base": "strict", "rules": [{"name": "a", "levl": "disk"}]})");
    REQUIRE(!typo);
    CHECK(contains(typo.error().hint(), "level"));
    auto rule = [](const std::string& text) {
        return invalid("{\"base\": \"strict\", \"rules\": [{\"name\": \"a\"" + text + "}]}");
    };
    CHECK(contains(rule(R"(, "level": "root")"), "rules[0].level"));
    CHECK(contains(rule(R"(, "images": ["disk"])"), "registry"));
    CHECK(contains(rule(R"(, "images": ["r.example/disk:v1"])"), "tag"));
    CHECK(contains(rule(R"(, "images": ["**/disk"])"), "registry"));
    CHECK(contains(rule(R"(, "verify": "signature")"), "keys"));
    CHECK(contains(rule(R"(, "verify": "signature", "keys": ["k"])"), "absolute"));
    CHECK(contains(rule(R"(, "keys": ["/k"])"), "no signature"));
    CHECK(contains(rule(R"(, "digests": ["sha256:abc"])"), "digest"));
    CHECK(contains(rule(R"(, "volumes": ["/a:rw"])"), ":ro"));
    CHECK(contains(rule(R"(, "volumes": ["/a/../b"])"), "never"));
    CHECK(contains(rule(R"(, "namespaces": ["ipc:host"])"), "ipc:host"));
    CHECK(contains(rule(R"(, "limits": {"memory": "1 MB"})"), "memory"));
    CHECK(contains(rule(R"(, "limits": {"memory": "18014398509481984KiB"})"), "memory"));
    CHECK(contains(rule(R"(, "limits": {"cpus": 0.001})"), "cpus"));
    CHECK(contains(rule(R"(, "limits": {"processes": 0})"), "processes"));
    CHECK(contains(rule(R"(}, {"name": "a")"), "taken"));
    CHECK(contains(rule(R"(}, {"name": "strict")"), "taken"));
    CHECK(contains(rule(R"(}, {"name": "namespaces")"), "taken"));
}

TEST_CASE("limits on a policy's size") {
    std::string text = "strict";
    CHECK(parse_policy(text + std::string(max_policy_bytes - text.size(), ' ')));
    auto large = parse_policy(text + std::string(max_policy_bytes - text.size() + 1, ' '));
    REQUIRE(!large);
    CHECK(large.error().kind() == ErrorKind::limit);
    auto with_rules = [](int count) {
        std::string rules;
        for (int i = 0; i < count; ++i)
            rules += (i == 0 ? "" : ",") + ("{\"name\": \"r" + std::to_string(i)) + "\"}";
        return "{\"base\": \"strict\", \"rules\": [" + rules + "]}";
    };
    CHECK(parse_policy(with_rules(1000)));
    CHECK(contains(invalid(with_rules(1001)), "1000"));
    auto with_patterns = [](int count) {
        std::string list;
        for (int i = 0; i < count; ++i) list += (i == 0 ? "\"" : ",\"") + std::string("r/x\"");
        return "{\"base\": \"strict\", \"rules\": [{\"name\": \"r\", \"images\": [" + list + "]}]}";
    };
    CHECK(parse_policy(with_patterns(1000)));
    CHECK(contains(invalid(with_patterns(1001)), "1000"));
    auto with_name = [](std::size_t length) {
        return "{\"base\": \"strict\", \"rules\": [{\"name\": \"" + std::string(length, 'n') +
               "\"}]}";
    };
    CHECK(parse_policy(with_name(1024)));
    CHECK(contains(invalid(with_name(1025)), "1024"));
}

TEST_CASE("the document's example is a policy") {
    std::string text = read_file(OSIEKIT_SOURCE_DIR "/docs/sandbox.md").value();
    std::size_t begin = text.find("```json\n");
    REQUIRE(begin != std::string::npos);
    begin += 8;
    Policy policy = policy_from(text.substr(begin, text.find("```", begin) - begin));
    CHECK(decide_about(policy, "registry.example/actions/x:v1")->level == sandbox::Level::disk);
    CHECK(needs_signature(*decide_about(policy, "registry.example/actions/kexec:v1"), digest)
              .value());
    CHECK(contains(refused(policy, "registry.example/old/x"), "\"retired\""));
    CHECK(contains(refused(policy, "registry.example/x:v1"), "\"strict\""));
}

TEST_CASE("the sandbox takes the cgroup of an action with a long name") {
    sandbox::SandboxSpec spec;
    spec.rootfs = "/";
    spec.argv = {"/bin/true"};
    spec.cgroup = plain_name(std::string(63, 'a') + "-00000000-0000-0000-0000-000000000000");
    CHECK(spec.cgroup.size() == 100);
    CHECK(sandbox::make_plan(spec).ok());
}
