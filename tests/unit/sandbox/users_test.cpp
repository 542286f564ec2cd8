// User namespaces: root inside is nobody of the machine.
#include <sched.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

#include "tests/unit/sandbox/helpers.hpp"

using namespace osiekit;
using namespace osiekit::sandbox;
using namespace osiekit::sandbox::test;

namespace {

namespace fs = std::filesystem;

constexpr uid_t first = UserMap{}.first_user;
constexpr uid_t somebody = 65534;

// A root whose files belong to the mapped users; nobody but root of the machine may enter the
// directory that it is in.
struct MappedRoot : Root {
    MappedRoot() {
        REQUIRE(::chown(dir.path().c_str(), first, first) == 0);
        REQUIRE(::chown((dir / "probe").c_str(), first, first) == 0);
    }
    SandboxSpec spec(std::vector<std::string> arguments) const {
        auto spec = Root::spec(Level::restricted, std::move(arguments));
        spec.users.emplace();
        spec.rootfs_is_mapped = true;
        return spec;
    }
};

uid_t owner(const fs::path& path) {
    struct stat status {};
    REQUIRE(::lstat(path.c_str(), &status) == 0);
    return status.st_uid;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// Runs it as a user without any rights, in a process of its own; gives its exit status.
int as_somebody(const std::function<int()>& work) {
    pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        bool lowered = ::setresgid(somebody, somebody, somebody) == 0 &&
                       ::setresuid(somebody, somebody, somebody) == 0 &&
                       ::prctl(PR_SET_DUMPABLE, 1) == 0;  // as after execve
        ::_exit(lowered ? work() : 97);
    }
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 96;
}

}  // namespace

TEST_CASE("root of a user namespace is root inside alone") {
    MappedRoot root;
    for (Network network : all_networks) {
        INFO(to_string(network));
        // In a thread with a network of its own, for the bridge.
        auto spec = root.spec({"report"});
        spec.network = network;
        Outcome seen = in_own_network([&] { return run(spec); });
        CHECK(seen.one("uid ") == "0");
        CHECK(seen.one("gid ") == "0");
        CHECK(seen.one("ns user ") != fs::read_symlink("/proc/self/ns/user").string());
        CHECK(seen.one("status Groups:").empty());
        CHECK(seen.one("status NoNewPrivs:") == "1");
        CHECK(seen.one("nofile ").rfind("1024 ", 0) == 0);
        CHECK(seen.one("pid ") == "1");
        CHECK(seen.one("fd 0 ") == "/dev/null");
        CHECK(seen.all("fd ").size() == 3);
        CHECK(seen.all("interface ").empty() == false);
        spec.argv = {"/probe", "read", "/proc/self/uid_map"};
        Outcome map = in_own_network([&] { return run(spec); });
        CHECK(split_words(map.out) == std::vector<std::string_view>{"0", "1048576", "65536"});
    }
}

TEST_CASE("a user namespace has the mounts and devices of level restricted") {
    MappedRoot root;
    auto plain = Root();
    auto targets = [](const Outcome& outcome) {
        std::vector<std::string> found;
        for (const std::string& line : outcome.all("mount "))
            if (std::string target(split_words(line)[4]); target.rfind("/sys", 0) != 0)
                found.push_back(target);
        return found;
    };
    auto inside = targets(run(root.spec({"report"})));
    // Each device is a mount there.
    for (const char* device : {"null", "zero", "full", "random", "urandom", "tty"})
        CHECK(std::erase(inside, std::string("/dev/") + device) == 1);
    CHECK(inside == targets(run(plain.spec(Level::restricted, {"report"}))));
    CHECK(run(root.spec({"write", "/dev/null", "x"})).one("errno ") == "0");
    CHECK(run(root.spec({"write", "/dev/full", "x"})).one("errno ") == std::to_string(ENOSPC));
    CHECK(run(root.spec({"write", "/proc/sys/kernel/hostname", "x"})).one("errno ") ==
          std::to_string(EROFS));
    CHECK(run(root.spec({"mount"})).one("errno ") == std::to_string(EPERM));
}

TEST_CASE("what a user namespace's root makes is the mapped user's outside") {
    MappedRoot root;
    CHECK(run(root.spec({"write", "/made", "x"})).one("errno ") == "0");
    CHECK(owner(root.dir / "made") == first);
    auto spec = root.spec({"write", "/tmp/made", "x"});
    fs::create_directory(root.dir / "tmp");
    REQUIRE(::chmod((root.dir / "tmp").c_str(), 01777) == 0);
    REQUIRE(::chmod(root.dir.path().c_str(), 0755) == 0);
    spec.uid = 1234;
    spec.gid = 5678;
    spec.groups = {44};
    CHECK(run(spec).one("errno ") == "0");
    CHECK(owner(root.dir / "tmp/made") == first + 1234);
}

TEST_CASE("volumes of a user namespace: the machine's files stay whose they are") {
    MappedRoot root;
    TempDir data = TempDir::create("sandbox-data").value();  // mode 0700, of the machine's root
    fs::create_directory(data / "open");
    REQUIRE(write_file(data / "open/secret", "secret\n", 0600).ok());
    REQUIRE(write_file(data / "open/public", "public\n", 0644).ok());
    auto read = [&](const std::string& name) {
        auto spec = root.spec({"read", "/data/" + name});
        spec.mounts.push_back({data / "open", "/data"});
        return run(spec).out;
    };
    CHECK(read("public") == "public\n");
    CHECK(read("secret").empty());
    auto spec = root.spec({"write", "/data/new", "x"});
    spec.mounts.push_back({data / "open", "/data"});
    CHECK(run(spec).one("errno ") == std::to_string(EACCES));
    // One that is made for it is its own.
    spec.mounts[0] = {data / "made", "/data"};
    spec.mounts[0].create_source = true;
    CHECK(run(spec).one("errno ") == "0");
    CHECK(owner(data / "made/new") == first);
}

TEST_CASE("a root of the machine's files is shown as the mapped users', where it can be") {
    Root root;
    auto spec = root.spec(Level::restricted, {"write", "/made", "x"});
    spec.users.emplace();
    auto outcome = try_run(spec);
    if (outcome) {
        CHECK(outcome->one("errno ") == "0");
        CHECK(owner(root.dir / "made") == 0);
    } else {
        CHECK(contains(outcome.error().to_string(), "as those of the user namespace"));
        CHECK(contains(outcome.error().hint(), "idmapped"));
    }
}

TEST_CASE("a user who is not root has a sandbox of his own, with and without the network") {
    Root root;
    REQUIRE(::chown(root.dir.path().c_str(), somebody, somebody) == 0);
    REQUIRE(::chmod((root.dir / "probe").c_str(), 0755) == 0);
    auto spec = root.spec(Level::restricted, {});
    auto started_by_somebody = [&] {
        return as_somebody([&] {
            spec.users = UserMap::caller();
            auto plan = make_plan(spec);
            auto running = plan ? start(*plan) : Result<Running>(plan.error());
            if (!running) {
                bool root_wanted = contains(running.error().to_string(), "(hint: it takes root)");
                return root_wanted ? 3 : 1;
            }
            auto ended = running->wait();
            return ended && ended->success() ? 0 : 2;
        });
    };
    for (Network network : {Network::none, Network::host}) {
        INFO(to_string(network));
        std::string made = "made-" + std::string(to_string(network));
        spec.network = network;
        spec.argv = {"/probe", "write", "/" + made, "x"};
        CHECK(started_by_somebody() == 0);
        CHECK(owner(root.dir / made) == somebody);
    }
    spec.network = Network::bridge;
    CHECK(started_by_somebody() == 3);
    spec.network = Network::host;
    // Without a user namespace he has none.
    CHECK(as_somebody([&] {
              spec.users.reset();
              return start(make_plan(spec).value()) ? 1 : 0;
          }) == 0);
}

TEST_CASE("what does not go with a user namespace is refused") {
    MappedRoot root;
    auto refusal = [](const SandboxSpec& spec) {
        auto plan = make_plan(spec);
        REQUIRE(!plan);
        CHECK(plan.error().kind() == ErrorKind::invalid_input);
        return plan.error().to_string();
    };
    for (Level level : {Level::disk, Level::kexec, Level::host}) {
        auto spec = root.spec({});
        spec.level = level;
        CHECK(contains(refusal(spec), std::string("level ") + std::string(to_string(level))));
    }
    auto spec = root.spec({});
    spec.host_pid = true;
    CHECK(contains(refusal(spec), "processes"));
    spec = root.spec({});
    spec.uid = 65535;
    spec.groups = {65535};
    CHECK(make_plan(spec).ok());
    spec.uid = 65536;
    CHECK(contains(refusal(spec), "65535"));
    spec.uid = 0;
    spec.groups = {65536};
    CHECK(contains(refusal(spec), "65535"));
    spec.groups = {0};
    spec.users->count = 1;
    CHECK(contains(refusal(spec), "supplementary"));
}

TEST_CASE("a described user namespace says who is who") {
    MappedRoot root;
    auto spec = root.spec({});
    CHECK(contains(describe(make_plan(spec).value()), "users  0 is 1048576:1048576"));
    CHECK(contains(describe(make_plan(spec).value()), "own    user mount"));
    CHECK(!contains(describe(make_plan(spec).value()), "idmap"));
    spec.rootfs_is_mapped = false;
    CHECK(contains(describe(make_plan(spec).value()), "idmap"));
    spec.users = UserMap{1000, 100, 1};
    CHECK(contains(describe(make_plan(spec).value()), "groups cannot be set"));
}

TEST_CASE("a pipe that is the output belongs to the program's user") {
    MappedRoot root;
    REQUIRE(::chmod(root.dir.path().c_str(), 0755) == 0);
    Root plain;
    REQUIRE(::chmod(plain.dir.path().c_str(), 0755) == 0);
    auto write_by_name = [](SandboxSpec spec) {
        int ends[2];
        REQUIRE(::pipe(ends) == 0);
        Fd reader(ends[0]);
        Fd writer(ends[1]);
        spec.argv = {"/probe", "write", "/proc/self/fd/1", "by name\n"};
        spec.stdout_fd = spec.stderr_fd = writer.get();
        auto running = start(make_plan(spec).value());
        if (!running) FAIL(running.error().to_string());
        CHECK(running->wait()->success());
        writer.reset();
        return read_all(reader.get(), 1000).value();
    };
    auto spec = plain.spec(Level::restricted, {});
    spec.uid = spec.gid = 1234;
    CHECK(write_by_name(spec) == "by name\nerrno 0\n");
    auto mapped = root.spec({});
    mapped.uid = mapped.gid = 1234;
    CHECK(write_by_name(mapped) == "by name\nerrno 0\n");
}
