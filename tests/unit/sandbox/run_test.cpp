#include <net/if.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <map>

#include "lib/sandbox/levels.hpp"
#include "tests/unit/sandbox/helpers.hpp"

using namespace osiekit;
using namespace osiekit::sandbox;
using namespace osiekit::sandbox::test;

namespace {

std::string own_namespace(const char* name) {
    return std::filesystem::read_symlink(std::string("/proc/self/ns/") + name).string();
}

std::uint64_t status_bits(const Outcome& outcome, const std::string& key) {
    return std::stoull(outcome.one("status " + key + ":"), nullptr, 16);
}

// This process's own: a sandbox cannot have more.
std::uint64_t own_capabilities() {
    std::string text = read_file("/proc/self/status").value();
    return std::stoull(text.substr(text.find("CapPrm:") + 7), nullptr, 16);
}

// The mount points inside, with the flags and the type of each.
std::map<std::string, std::string> mounts(const Outcome& outcome) {
    std::map<std::string, std::string> found;
    for (const std::string& line : outcome.all("mount ")) {
        auto words = split_words(line);
        std::string text(words[5]);
        for (std::size_t i = 6; i + 1 < words.size(); ++i)
            if (words[i] == "-") text += " " + std::string(words[i + 1]);
        found[std::string(words[4])] = text;
    }
    return found;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

void set_content(const std::filesystem::path& path, const std::string& text) {
    REQUIRE(write_file(path, text).ok());
}

}  // namespace

TEST_CASE("every level: own namespaces, no strange descriptors, signals as after boot") {
    Root root;
    for (Level level : all_levels) {
        INFO(to_string(level));
        Fd leak = open_file("/etc/passwd", O_RDONLY).value();
        int inheritable = ::dup(leak.get());  // not close-on-exec
        ::signal(SIGPIPE, SIG_IGN);
        Outcome seen = run(root.spec(level, {"report"}));
        ::close(inheritable);
        ::signal(SIGPIPE, SIG_DFL);
        REQUIRE(seen.status.success());
        for (const char* own : {"mnt", "pid", "ipc", "uts", "cgroup"})
            CHECK(seen.one(std::string("ns ") + own + " ") != own_namespace(own));
        CHECK(seen.one("ns net ") == own_namespace("net"));
        CHECK(seen.one("pid ") == "1");
        CHECK(seen.one("sid ") == "1");
        CHECK(seen.one("cwd ") == "/");
        CHECK(seen.one("blocked ") == "0");
        CHECK(seen.one("sigpipe ") == "default");
        CHECK(seen.one("nofile ").rfind("1024 ", 0) == 0);
        CHECK(seen.one("fd 0 ") == "/dev/null");
        INFO(seen.out);
        CHECK(seen.all("fd ").size() == 3);
        CHECK(seen.one("status Seccomp:") == "2");
        CHECK(seen.one("status Seccomp_filters:") == "2");
    }
}

TEST_CASE("every level: capabilities and no_new_privs") {
    Root root;
    for (Level level : all_levels) {
        INFO(to_string(level));
        Outcome seen = run(root.spec(level, {"report"}));
        for (const char* set : {"CapBnd", "CapPrm", "CapEff"})
            CHECK(status_bits(seen, set) == (level_capabilities(level) & own_capabilities()));
        CHECK(status_bits(seen, "CapInh") == 0);
        CHECK(status_bits(seen, "CapAmb") == 0);
        CHECK(seen.one("status NoNewPrivs:") == (level == Level::host ? "0" : "1"));
    }
}

TEST_CASE("another user has no capabilities") {
    Root root;
    for (Level level : all_levels) {
        INFO(to_string(level));
        auto spec = root.spec(level, {"report"});
        REQUIRE(::chmod(root.dir.path().c_str(), 0755) == 0);
        spec.uid = 1234;
        spec.gid = 5678;
        spec.groups = {44, 55};
        Outcome seen = run(spec);
        CHECK(seen.one("uid ") == "1234");
        CHECK(seen.one("gid ") == "5678");
        CHECK(seen.all("group ") == std::vector<std::string>{"44", "55"});
        CHECK(status_bits(seen, "CapEff") == 0);
        CHECK(status_bits(seen, "CapPrm") == 0);
    }
}

TEST_CASE("mounts of the restricted level") {
    Root root;
    Outcome seen = run(root.spec(Level::restricted, {"report"}));
    auto found = mounts(seen);
    INFO(seen.out);
    CHECK(contains(found["/"], "nosuid,nodev"));
    CHECK(contains(found["/proc"], "nosuid,nodev,noexec"));
    CHECK(contains(found["/proc"], " proc"));
    CHECK(contains(found["/dev"], "rw,nosuid"));
    CHECK(contains(found["/dev"], " tmpfs"));
    CHECK(contains(found["/dev/pts"], " devpts"));
    CHECK(contains(found["/dev/shm"], "nosuid,nodev,noexec"));
    CHECK(contains(found["/sys"], "ro,nosuid,nodev,noexec"));
    CHECK(contains(found["/proc/sys"], "ro,"));
    CHECK(contains(found["/proc/interrupts"], " devtmpfs"));  // the null device
    CHECK(contains(found["/sys/firmware"], "ro,"));
    CHECK(run(root.spec(Level::restricted, {"write", "/proc/sys/kernel/hostname", "h"}))
              .one("errno ") == std::to_string(EROFS));
    CHECK(run(root.spec(Level::restricted, {"write", "/dev/null", "x"})).one("errno ") == "0");
}

TEST_CASE("a device node of the image is no device at the restricted level") {
    Root root;
    REQUIRE(::mknod((root.dir / "node").c_str(), S_IFCHR | 0666, ::makedev(1, 3)) == 0);
    CHECK(run(root.spec(Level::restricted, {"write", "/node", "x"})).one("errno ") ==
          std::to_string(EACCES));
    CHECK(run(root.spec(Level::disk, {"write", "/node", "x"})).one("errno ") == "0");
}

TEST_CASE("mounts of disk and host") {
    Root root;
    auto disk = mounts(run(root.spec(Level::disk, {"report"})));
    CHECK(contains(disk["/dev"], " devtmpfs"));
    CHECK(contains(disk["/sys"], "ro,"));
    CHECK(contains(disk["/proc/sys"], "ro,"));
    auto host = mounts(run(root.spec(Level::host, {"report"})));
    CHECK(contains(host["/dev"], " devtmpfs"));
    CHECK(contains(host["/sys"], "rw,"));
    CHECK(host.count("/proc/sys") == 0);
    CHECK(host.count("/proc/interrupts") == 0);
}

TEST_CASE("environment, arguments, host name, working directory") {
    Root root;
    auto spec = root.spec(Level::restricted, {"report", "with space", ""});
    spec.env = {"A=1", "B=two words"};
    spec.hostname = "machine-1";
    spec.cwd = "/new/dir";
    Outcome seen = run(spec);
    CHECK(seen.all("env ") == std::vector<std::string>{"A=1", "B=two words"});
    CHECK(seen.all("arg ") == std::vector<std::string>{"/probe", "report", "with space", ""});
    CHECK(seen.one("hostname ") == "machine-1");
    CHECK(seen.one("cwd ") == "/new/dir");
}

TEST_CASE("a program is found through PATH") {
    Root root;
    std::filesystem::create_directories(root.dir / "opt/bin");
    std::filesystem::rename(root.dir / "probe", root.dir / "opt/bin/probe");
    auto spec = root.spec(Level::restricted, {"exit", "7"});
    spec.argv[0] = "probe";
    spec.env = {"PATH=/nowhere:/opt/bin"};
    CHECK(run(spec).status.code == 7);
}

TEST_CASE("exit statuses and signals arrive") {
    Root root;
    CHECK(run(root.spec(Level::host, {"exit", "0"})).status.success());
    CHECK(run(root.spec(Level::host, {"exit", "42"})).status.describe() == "exit status 42");
    auto spec = root.spec(Level::host, {"signal", "9"});
    spec.host_pid = true;  // the first process of a namespace cannot kill itself
    ExitStatus killed = run(spec).status;
    CHECK(killed.signal == SIGKILL);
    CHECK(killed.code == 137);
}

TEST_CASE("volumes: seen inside, read-only where asked, made where missing") {
    Root root;
    TempDir data = TempDir::create("sandbox-data").value();
    set_content(data / "file", "content\n");
    auto spec = root.spec(Level::restricted, {"read", "/deep/down/file"});
    spec.mounts.push_back({data.path(), "/deep/down"});
    CHECK(run(spec).out == "content\n");

    spec = root.spec(Level::restricted, {"write", "/etc/one-file", "x"});
    spec.mounts.push_back({data / "file", "/etc/one-file", true});
    CHECK(run(spec).one("errno ") == std::to_string(EROFS));
    CHECK(read_file(data / "file").value() == "content\n");

    spec = root.spec(Level::restricted, {"write", "/vol/new", "made"});
    Mount missing{data / "a/b", "/vol"};
    missing.create_source = true;
    spec.mounts.push_back(missing);
    CHECK(run(spec).one("errno ") == "0");
    CHECK(read_file(data / "a/b/new").value() == "made");

    spec = root.spec(Level::restricted, {"report"});
    spec.mounts.push_back({data / "absent", "/vol"});
    auto refused = try_run(spec);
    REQUIRE(!refused);
    CHECK(contains(refused.error().to_string(), "source " + (data / "absent").string()));
}

TEST_CASE("links of the image lead a volume nowhere outside") {
    Root root;
    TempDir outside = TempDir::create("sandbox-outside").value();
    TempDir data = TempDir::create("sandbox-data").value();
    set_content(data / "file", "content\n");
    std::filesystem::create_symlink(outside.path(), root.dir / "absolute");
    std::filesystem::create_symlink("../../../../.." + outside.path().string(), root.dir / "climb");
    for (const char* link : {"/absolute", "/climb"}) {
        auto spec = root.spec(Level::restricted, {"report"});
        spec.mounts.push_back({data.path(), std::string(link) + "/sub"});
        // The link's target does not exist inside the root: refused, and nothing appears outside.
        CHECK(!try_run(spec));
        CHECK(std::filesystem::is_empty(outside.path()));
    }
    std::filesystem::create_directories(root.dir / "run");
    std::filesystem::create_directories(root.dir / "var");
    std::filesystem::create_symlink("/run", root.dir / "var/run");
    auto spec = root.spec(Level::restricted, {"read", "/run/data/file"});
    spec.mounts.push_back({data.path(), "/var/run/data"});
    CHECK(run(spec).out == "content\n");
}

TEST_CASE(
    "CVE-2019-19921, CVE-2023-27561, CVE-2023-28642, CVE-2026-41579, CVE-2026-47766: the image "
    "makes "
    "/proc, /sys or /dev a link, or leads a volume into /proc") {
    for (const char* name : {"proc", "sys", "dev"}) {
        Root root;
        std::filesystem::create_directories(root.dir / "elsewhere");
        std::filesystem::create_symlink("/elsewhere", root.dir / name);
        auto refused = try_run(root.spec(Level::host, {"report"}));
        REQUIRE(!refused);
        INFO(refused.error().to_string());
        CHECK(
            contains(refused.error().to_string(), std::string("making the mount point /") + name));
        CHECK(contains(refused.error().hint(), "symbolic link"));
    }
    Root root;
    std::filesystem::create_symlink("/proc", root.dir / "door");
    auto spec = root.spec(Level::host, {"report"});
    spec.mounts.push_back({"/tmp", "/door/sys"});
    auto refused = try_run(spec);
    REQUIRE(!refused);
    CHECK(contains(refused.error().to_string(), "leads into /proc"));
}

TEST_CASE("a program that cannot be run is explained") {
    Root root;
    auto spec = root.spec(Level::host, {});
    spec.argv = {"/bin/missing"};
    auto missing = try_run(spec);
    REQUIRE(!missing);
    CHECK(missing.error().kind() == ErrorKind::not_found);
    CHECK(contains(missing.error().to_string(),
                   "starting the sandbox: finding the program /bin/missing"));

    set_content(root.dir / "text", "neither ELF nor script");
    std::filesystem::permissions(root.dir / "text", std::filesystem::perms::owner_all);
    spec.argv = {"/text"};
    auto no_program = try_run(spec);
    REQUIRE(!no_program);
    CHECK(contains(no_program.error().hint(), "architecture"));

    set_content(root.dir / "script", "#!/bin/no-such-shell\n");
    std::filesystem::permissions(root.dir / "script", std::filesystem::perms::owner_all);
    spec.argv = {"/script"};
    auto no_shell = try_run(spec);
    REQUIRE(!no_shell);
    CHECK(contains(no_shell.error().hint(), "interpreter"));

    for (const char* program : {"/proc/self/exe", "/proc/1/exe", "/proc/thread-self/exe"}) {
        spec.argv = {program, "exit", "0"};
        auto own = try_run(spec);
        REQUIRE(!own);
        CHECK(contains(own.error().hint(), "/proc"));
    }
}

TEST_CASE("a missing root directory is an error, not a crash") {
    Root root;
    auto spec = root.spec(Level::host, {"report"});
    spec.rootfs = root.dir / "absent";
    auto refused = try_run(spec);
    REQUIRE(!refused);
    CHECK(refused.error().kind() == ErrorKind::not_found);
}

TEST_CASE("the machine's PID namespace shows the machine") {
    Root root;
    auto spec = root.spec(Level::host, {"report"});
    spec.host_pid = true;
    Outcome seen = run(spec);
    CHECK(seen.one("ns pid ") == own_namespace("pid"));
    CHECK(seen.one("pid ") != "1");
    CHECK(contains(run([&] {
                       auto init = root.spec(Level::host, {"read", "/proc/1/comm"});
                       init.host_pid = true;
                       return init;
                   }())
                       .out,
                   trim(read_file("/proc/1/comm").value()).data()));
}

TEST_CASE("nothing remains mounted on the machine") {
    Root root;
    std::string before = read_file("/proc/self/mountinfo").value();
    run(root.spec(Level::host, {"mount"}));
    CHECK(read_file("/proc/self/mountinfo").value() == before);
}

TEST_CASE("a network of its own has loopback, up, and nothing else") {
    Root root;
    auto spec = root.spec(Level::restricted, {"report"});
    spec.network = Network::none;
    Outcome seen = run(spec);
    CHECK(seen.one("ns net ") != own_namespace("net"));
    CHECK(seen.all("interface ") == std::vector<std::string>{"lo up"});
    CHECK(run(root.spec(Level::restricted, {"report"})).one("ns net ") == own_namespace("net"));
}

TEST_CASE("an isolated network has a card, up, and is gone with the program") {
    Root root;
    auto spec = root.spec(Level::restricted, {"report"});
    spec.network = Network::bridge;
    in_own_network([&] {
        auto machine = std::filesystem::read_symlink("/proc/thread-self/ns/net").string();
        for (int run_number = 0; run_number < 2; ++run_number) {
            Outcome seen = run(spec);
            CHECK(seen.one("ns net ") != machine);
            CHECK(seen.all("interface ") == std::vector<std::string>{"lo up", "eth0 up"});
            // The second number is the netmask's, the third the gateway of the only other route.
            CHECK(seen.one("address eth0 ") == "172.30.0.2 255.255.255.0");
            CHECK(seen.all("route ") ==
                  std::vector<std::string>{"0.0.0.0 172.30.0.1", "172.30.0.0 0.0.0.0"});
            CHECK(::if_nametoindex("osie0") == 0);
            CHECK(trim(read_file("/proc/sys/net/ipv4/ip_forward").value()) == "0");
        }
    });
}

TEST_CASE("a missing source is not made through a link where none may be followed") {
    Root root;
    TempDir data = TempDir::create("sandbox-data").value();
    TempDir outside = TempDir::create("sandbox-outside").value();
    std::filesystem::create_symlink(outside.path(), data / "link");
    auto spec = root.spec(Level::disk, {"exit", "0"});
    Mount mount{data / "link/new", "/in"};
    mount.create_source = mount.source_without_links = true;
    spec.mounts.push_back(mount);
    auto refused = try_run(spec);
    REQUIRE(!refused);
    CHECK(refused.error().kind() == ErrorKind::refused);
    CHECK(std::filesystem::is_empty(outside.path()));
    spec.mounts[0].source = data / "straight/new";
    CHECK(run(spec).status.success());
    spec.mounts[0].source = data / "link/new";
    spec.mounts[0].source_without_links = false;
    CHECK(run(spec).status.success());
}

TEST_CASE("a source that must have no links is refused where it has one") {
    Root root;
    TempDir data = TempDir::create("sandbox-data").value();
    std::filesystem::create_directory(data / "real");
    set_content(data / "real/file", "content\n");
    std::filesystem::create_symlink("real", data / "link");
    for (const char* name : {"real", "link"}) {
        INFO(name);
        auto spec = root.spec(Level::disk, {"read", "/in/file"});
        Mount mount{data / name, "/in"};
        spec.mounts.push_back(mount);
        CHECK(run(spec).out == "content\n");
        spec.mounts[0].source_without_links = true;
        auto outcome = try_run(spec);
        if (std::string(name) == "real") {
            REQUIRE(outcome);
            CHECK(outcome->out == "content\n");
        } else {
            REQUIRE(!outcome);
            CHECK(contains(outcome.error().hint(), "symbolic link"));
        }
    }
}
