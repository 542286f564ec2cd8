#include "lib/sandbox/service.hpp"

#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "tests/unit/sandbox/helpers.hpp"

using namespace osiekit;
using namespace osiekit::sandbox;
using namespace osiekit::sandbox::test;
using nlohmann::json;

namespace {

std::string refusal(const std::string& text) {
    auto service = service_from_json(json::parse(text));
    REQUIRE(!service);
    return service.error().to_string();
}

// The value with one more member.
std::string with(const std::string& member) {
    return R"({"level": "disk", )" + member + "}";
}

}  // namespace

TEST_CASE("a service's sandbox comes back as it was written") {
    ServiceSandbox full;
    full.level = Level::disk;
    full.limits = {32ULL << 20U, 20, 1500, 1000000};
    full.uid = 1000;
    full.gid = 1001;
    full.home = "/home/alice";
    full.network = Network::none;
    full.writable = {"/run/x", "/var/lib/x"};
    for (const ServiceSandbox& service : {ServiceSandbox{}, full}) {
        auto again = service_from_json(json::parse(service_to_json(service).dump()));
        if (!again) FAIL(again.error().to_string());
        CHECK(*again == service);
    }
    CHECK(service_from_json(json{{"level", "kexec"}})->level == Level::kexec);
}

TEST_CASE("a wrong sandbox of a service is refused") {
    CHECK(refusal("{}") == "sandbox.level: is missing");
    CHECK(refusal("\"restricted\"") == "sandbox.level: is missing");
    CHECK(refusal(R"({"level": "none"})").find("no sandbox level") == 0);
    CHECK(refusal(R"({"level": 1})") == "sandbox.level: must be a text");
    CHECK(refusal(with(R"("device": "x")")) == "sandbox.device: is no key of a service's sandbox");
    CHECK(refusal(with(R"("limits": {"memory": 0})")).find("sandbox.limits.memory: ") == 0);
    for (const char* number : {"-1", "4294967295", "1.5", "\"0\""})
        CHECK(refusal(with(R"("uid": )" + std::string(number))) ==
              "sandbox.uid: must be the number of a user or group");
    CHECK(service_from_json(json::parse(with(R"("gid": 4294967294)")))->gid == 4294967294U);
    CHECK(refusal(with(R"("network": "bridge")")) == "sandbox.network: must be host or none");
    CHECK(refusal(with(R"("writable": "/run/x")")) == "sandbox.writable: must be a list of paths");
    CHECK(refusal(with(R"("home": "")")) == "sandbox.home: must have 1 to 4096 bytes");
    CHECK(service_from_json(json{{"level", "disk"}, {"home", std::string(4096, 'h')}}).ok());
    CHECK_FALSE(service_from_json(json{{"level", "disk"}, {"home", std::string(4097, 'h')}}).ok());
    json many = {{"level", "disk"}, {"writable", std::vector<std::string>(most_writable, "/x")}};
    CHECK(service_from_json(many).ok());
    many["writable"].push_back("/x");
    auto limit = service_from_json(many);
    REQUIRE(!limit);
    CHECK(limit.error().kind() == ErrorKind::limit);
}

TEST_CASE("the sandbox of a service") {
    ServiceSandbox service;
    service.uid = 1234;
    service.gid = 5678;
    service.home = "/nowhere";
    service.network = Network::none;
    service.limits.memory_bytes = 1U << 20U;
    SandboxSpec spec = service_spec("exporter", {"/bin/x", "-v"}, service, 7);
    CHECK(spec.rootfs == "/");
    CHECK(spec.shares_root);
    CHECK(spec.cgroup == "service-exporter");
    CHECK(spec.limits == service.limits);
    CHECK(spec.network == Network::none);
    CHECK((spec.uid == 1234 && spec.gid == 5678));
    CHECK((spec.stdout_fd == 7 && spec.stderr_fd == 7));
    CHECK(spec.env[1] == "HOME=/nowhere");
    CHECK(make_plan(spec).ok());
    for (const char* path : {"/", "/dev", "/proc/sys", "/sys", "relative", ""}) {
        INFO(path);
        service.writable = {path};
        CHECK_FALSE(make_plan(service_spec("x", {"/bin/x"}, service, 1)).ok());
    }
}

TEST_CASE("what a service may write to is made for its user, and never behind a link") {
    TempDir dir = TempDir::create("service").value();
    ServiceSandbox service;
    service.uid = 1234;
    service.gid = 5678;
    service.writable = {dir / "state/own"};
    auto write = [&](const std::string& path) {
        return run(service_spec("unit-test", {machine_probe(), "write", path, "x"}, service, 1))
            .one("errno ");
    };
    CHECK(write(dir / "state/own/file") == "0");
    CHECK(write(dir / "state/file") == std::to_string(EACCES));
    struct stat status {};
    REQUIRE(::stat((dir / "state/own").c_str(), &status) == 0);
    CHECK((status.st_uid == 1234 && status.st_gid == 5678));
    REQUIRE(::stat((dir / "state").c_str(), &status) == 0);
    CHECK(status.st_uid == 0);
    CHECK(read_file(dir / "state/own/file").value() == "x");
    std::filesystem::remove_all(dir / "state/own");
    std::filesystem::create_directory_symlink("/etc", dir / "state/own");
    auto refused = try_run(service_spec("unit-test", {machine_probe(), "exit", "0"}, service, 1));
    REQUIRE(!refused);
    CHECK(refused.error().to_string().find("symbolic link") != std::string::npos);
}
