// Services of a profile, and what init is told of them.
#include <nlohmann/json.hpp>

#include "builder/image/compose.hpp"
#include "builder/kernel/sandbox_options.hpp"
#include "builder/profile/profile.hpp"
#include "tests/unit/builder/build_site.hpp"
#include "tests/unit/builder/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;
using nlohmann::json;

namespace {

Result<Profile> parse(const std::string& services, const std::string& more = "") {
    return parse_profile("name: tiny\nkernel: {package: linux-image-test}\n" + more +
                             "services: [{name: x, command: [/x]" + services + "}]\n",
                         "p.yaml", "/site");
}

std::string error_of(const std::string& services, const std::string& more = "") {
    auto profile = parse(services, more);
    INFO(services);
    REQUIRE_FALSE(profile);
    CHECK(profile.error().kind() == ErrorKind::invalid_input);
    return profile.error().to_string();
}

json sandbox_of(const std::string& services, const std::string& more = "") {
    auto profile = parse(services, more);
    if (!profile) FAIL(profile.error().to_string());
    json settings = json::parse(init_settings(profile->init, profile->agent, {}));
    return settings["services"][0].value("sandbox", json());
}

}  // namespace

TEST_CASE("init is told of a service's sandbox, and reads it as it was meant") {
    CHECK(sandbox_of("").is_null());
    json full = sandbox_of(
        ", sandbox: disk, user: \"1000:1001\", network: none, writable: [/run/x, /var/lib/x],\n"
        "  limits: {memory: 32MiB, processes: 20, cpus: 1.5, io_per_second: 1000}");
    auto read = sandbox::service_from_json(full);
    if (!read) FAIL(read.error().to_string());
    sandbox::ServiceSandbox expected;
    expected.level = sandbox::Level::disk;
    expected.limits = {32ULL << 20U, 20, 1500, 1000};
    expected.uid = 1000;
    expected.gid = 1001;
    expected.home = "/";
    expected.network = sandbox::Network::none;
    expected.writable = {"/run/x", "/var/lib/x"};
    CHECK(*read == expected);
    CHECK(*sandbox::service_from_json(sandbox_of(", sandbox: restricted")) ==
          sandbox::ServiceSandbox{});
}

TEST_CASE("a service runs as one of the profile's users, wherever these are stated") {
    const std::string users = "users: [{name: alice, uid: 1000, gid: 1001, home: /home/alice}]\n";
    json value = sandbox_of(", sandbox: restricted, user: alice", users);
    CHECK(value["uid"] == 1000);
    CHECK(value["gid"] == 1001);
    CHECK(value["home"] == "/home/alice");
    CHECK(error_of(", sandbox: restricted, user: bob", users) ==
          "p.yaml:4: \"bob\" is not one of the profile's users (hint: add it to \"users\", or "
          "write the numbers of user and group, such as 1000:1000)");
    for (const char* numbers : {"\"1000\"", "\"1000:\"", "\"4294967295:0\"", "\"-1:0\""})
        CHECK(error_of(std::string(", sandbox: restricted, user: ") + numbers)
                  .find("is not one of the profile's users") != std::string::npos);
}

TEST_CASE("a wrong sandbox of a service is refused with its place") {
    CHECK(error_of(", sandbox: tight") ==
          "p.yaml:3: no sandbox level is called 'tight' (hint: the levels are restricted, disk, "
          "kexec and host)");
    CHECK(error_of(", limits: {memory: 1MiB}") ==
          "p.yaml:3: \"limits\" is about a service that has a sandbox (hint: add sandbox: "
          "restricted, disk, kexec or host)");
    for (const char* key : {"user: \"0:0\"", "network: none", "writable: [/run/x]"})
        CHECK(error_of(std::string(", ") + key).find("that has a sandbox") != std::string::npos);
    CHECK(error_of(", sandbox: disk, limits: {memory: 1MB}") ==
          "p.yaml:3: memory must be a number of bytes above 0, or a text such as \"512MiB\"");
    CHECK(error_of(", sandbox: disk, limits: {cpus: 0.001}").find("p.yaml:3: cpus must be") == 0);
    CHECK(error_of(", sandbox: disk, limits: {pids: 5}").find("unknown key \"pids\"") !=
          std::string::npos);
    CHECK(error_of(", sandbox: restricted, user: \"\"") == "p.yaml:3: an empty name of a user");
    CHECK(error_of(", sandbox: disk, network: bridge").find("(hint: host or none)") !=
          std::string::npos);
    CHECK(error_of(", sandbox: disk, writable: [run]").find("does not start with") !=
          std::string::npos);
    for (const char* path : {"/dev/shm", "/proc/sys", "/sys"})
        CHECK(error_of(std::string(", sandbox: restricted, writable: [") + path + "]")
                  .find("p.yaml:3: volume " + std::string(path)) == 0);
    auto many = [](std::size_t count) {
        std::string list;
        for (std::size_t i = 0; i < count; ++i)
            list += (i == 0 ? "/x" : ", /x") + std::to_string(i);
        return ", sandbox: disk, writable: [" + list + "]";
    };
    CHECK(parse(many(sandbox::most_writable)));
    CHECK(error_of(many(sandbox::most_writable + 1)).find("more than 64 paths") !=
          std::string::npos);
    auto agent = parse_profile(
        "name: a\nkernel: {package: k}\nservices: [{name: tink-worker, command: [/x], sandbox: "
        "host}]\n",
        "p.yaml", "/site");
    REQUIRE_FALSE(agent);
    CHECK(agent.error().to_string().find("makes sandboxes") != std::string::npos);
}

TEST_CASE("a kernel that cannot make a service's sandbox is refused") {
    const std::string service =
        "services: [{name: x, command: [/usr/bin/tool], sandbox: disk,\n"
        "  limits: {memory: 1MiB, cpus: 1}}]\npackages: [tool]\n";
    BuildSite site;
    CHECK(site.failure(service).find(
              "the kernel 6.1-test cannot make the sandbox of the service x: its configuration "
              "lacks CONFIG_SECCOMP_FILTER, CONFIG_PID_NS, CONFIG_IPC_NS, CONFIG_UTS_NS, "
              "CONFIG_MEMCG, CONFIG_CFS_BANDWIDTH") != std::string::npos);
    PackageSpec able = kernel_package();
    able.files[1].second +=
        "CONFIG_SECCOMP_FILTER=y\nCONFIG_PID_NS=y\nCONFIG_IPC_NS=y\nCONFIG_UTS_NS=y\n"
        "CONFIG_MEMCG=y\nCONFIG_CFS_BANDWIDTH=y\n";
    site.packages["linux-image-test"] = make_deb(site.folder.path(), able);
    CHECK(site.build(service));
    CHECK(lacking_options("").empty());
    CHECK(lacking_options("CONFIG_MEMCG=y\n").count("CONFIG_NET_NS") == 1);
    CHECK(lacking_options("CONFIG_MEMCG=y\n").count("CONFIG_MEMCG") == 0);
}
