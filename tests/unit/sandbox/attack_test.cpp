// What images and actions have tried on other runtimes: each CVE's way, as a test.
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <atomic>

#include <cerrno>
#include <map>
#include <thread>

#include "lib/base/text.hpp"
#include "tests/unit/sandbox/helpers.hpp"

using namespace osiekit;
using namespace osiekit::sandbox;
using namespace osiekit::sandbox::test;

namespace {

namespace fs = std::filesystem;

void put_script(const fs::path& path, const std::string& text) {
    REQUIRE(write_file(path, text, 0755).ok());
}

// An open directory of the machine under a low number that a clone inherits.
struct LeakedDirectory {
    TempDir dir = TempDir::create("sandbox-leak").value();
    Fd fd = open_file(dir.path(), O_RDONLY | O_DIRECTORY).value();
    Fd inheritable{::dup(fd.get())};
};

std::string refusal(SandboxSpec spec) {
    auto refused = try_run(std::move(spec));
    REQUIRE(!refused);
    return refused.error().to_string();
}

}  // namespace

TEST_CASE("CVE-2024-21626: a working directory behind a leaked descriptor") {
    Root root;
    LeakedDirectory leak;
    for (Level level : all_levels)
        for (int number : {leak.fd.get(), leak.inheritable.get()})
            for (const char* rest : {"", "/new/deep", "/../.."})
                for (const char* process : {"self", "1", "thread-self"}) {
                    auto spec = root.spec(level, {"report"});
                    spec.cwd =
                        "/proc/" + std::string(process) + "/fd/" + std::to_string(number) + rest;
                    INFO(spec.cwd);
                    CHECK(refusal(spec).find("working directory") != std::string::npos);
                    CHECK(fs::is_empty(leak.dir.path()));
                }
    // Through a link of the image, too.
    fs::create_symlink("/proc/self/fd/" + std::to_string(leak.inheritable.get()),
                       root.dir / "door");
    auto spec = root.spec(Level::host, {"report"});
    spec.cwd = "/door/new";
    CHECK(refusal(spec).find("working directory") != std::string::npos);
    CHECK(fs::is_empty(leak.dir.path()));
}

TEST_CASE("a working directory is made inside, and through the image's own links") {
    Root root;
    fs::create_directories(root.dir / "data");
    fs::create_symlink("/data", root.dir / "link");
    auto spec = root.spec(Level::restricted, {"report"});
    spec.cwd = "/link/sub/dir";
    CHECK(run(spec).one("cwd ") == "/data/sub/dir");
    CHECK(fs::is_directory(root.dir / "data/sub/dir"));
    TempDir outside = TempDir::create("sandbox-outside").value();
    fs::create_symlink(outside.path(), root.dir / "escape");
    spec.cwd = "/escape/new";
    CHECK(!try_run(spec));
    CHECK(fs::is_empty(outside.path()));
}

TEST_CASE("CVE-2019-5736: the agent's own program as the program, by link and by script") {
    Root root;
    fs::create_symlink("/proc/self/exe", root.dir / "link");
    put_script(root.dir / "script", "#!/proc/self/exe exit\n");
    put_script(root.dir / "spaced", "#! \t/proc/thread-self/exe\n");
    put_script(root.dir / "by-link", "#!/link\n");
    put_script(root.dir / "nested", "#!/script\n");
    for (const char* name : {"/link", "/script", "/spaced", "/by-link", "/nested"}) {
        INFO(name);
        auto spec = root.spec(Level::host, {});
        spec.argv = {name};
        auto refused = try_run(spec);
        REQUIRE(!refused);
        CHECK(refused.error().hint().find("/proc") != std::string::npos);
    }
    // One that only the kernel can read, for another user.
    REQUIRE(::chmod(root.dir.path().c_str(), 0755) == 0);
    REQUIRE(::chmod((root.dir / "script").c_str(), 0111) == 0);
    auto other = root.spec(Level::restricted, {});
    other.argv = {"/script"};
    other.uid = other.gid = 1234;
    auto unreadable = try_run(other);
    REQUIRE(!unreadable);
    CHECK(unreadable.error().hint().find("/proc") != std::string::npos);
    put_script(root.dir / "honest", "#!/probe exit\n");
    auto spec = root.spec(Level::host, {});
    spec.argv = {"/honest"};
    CHECK(run(spec).status.code == 0);
}

TEST_CASE("CVE-2025-31133: the image brings its own null device") {
    Root root;
    TempDir outside = TempDir::create("sandbox-outside").value();
    REQUIRE(write_file(outside / "secret", "secret\n").ok());
    fs::create_directories(root.dir / "dev");
    fs::create_symlink(outside / "secret", root.dir / "dev/null");
    // What is hidden is the machine's null device, whatever stands in the image.
    for (Level level : {Level::restricted, Level::disk, Level::kexec}) {
        auto seen = run(root.spec(level, {"report"}));
        bool hidden = false;
        for (const std::string& line : seen.all("mount "))
            hidden = hidden || (line.find(" /null /proc/interrupts ro") != std::string::npos);
        INFO(seen.out);
        CHECK(hidden);
        CHECK(run(root.spec(level, {"read", "/proc/interrupts"})).out.empty());
        CHECK(seen.one("fd 0 ") == "/dev/null");
    }
    CHECK(fs::is_symlink(root.dir / "dev/null"));
}

TEST_CASE("CVE-2025-52881 and kin: an image's own files in the way of /proc and /sys") {
    Root root;
    // Directories with what the set-up would write to or hide, made of links.
    fs::create_directories(root.dir / "proc/sys/kernel");
    fs::create_directories(root.dir / "proc/self");
    fs::create_directories(root.dir / "sys");
    TempDir outside = TempDir::create("sandbox-outside").value();
    fs::create_symlink(outside.path(), root.dir / "proc/self/attr");
    fs::create_symlink(outside.path(), root.dir / "sys/firmware");
    for (Level level : all_levels) {
        auto seen = run(root.spec(level, {"report"}));
        CHECK(seen.one("ns mnt ").rfind("mnt:", 0) == 0);  // the real /proc
        CHECK(fs::is_empty(outside.path()));
    }
}

TEST_CASE("CVE-2021-30465: a volume's target with a link in every place") {
    Root root;
    TempDir outside = TempDir::create("sandbox-outside").value();
    TempDir data = TempDir::create("sandbox-data").value();
    REQUIRE(write_file(data / "file", "content\n").ok());
    fs::create_symlink(outside.path(), root.dir / "first");
    fs::create_directories(root.dir / "second");
    fs::create_symlink("../../../../.." + outside.path().string(), root.dir / "second/inner");
    for (const char* target : {"/first", "/first/new", "/second/inner", "/second/inner/new"}) {
        INFO(target);
        auto spec = root.spec(Level::host, {"exit", "0"});
        spec.mounts.push_back({data.path(), target});
        static_cast<void>(try_run(spec).ok());  // inside or refused, but never outside
        CHECK(fs::is_empty(outside.path()));
    }
}

TEST_CASE("CVE-2023-25809: the cgroup file system cannot be written below level host") {
    Root root;
    for (Level level : {Level::restricted, Level::disk, Level::kexec}) {
        auto spec = root.spec(level, {"write", "/sys/fs/cgroup/cgroup.procs", "1"});
        spec.cgroup = "unit-test-attack";
        CHECK(run(spec).one("errno ") == std::to_string(EROFS));
    }
}

TEST_CASE("CVE-2022-0492: release agents cannot be set") {
    Root root;
    for (Level level : {Level::restricted, Level::disk}) {
        auto spec = root.spec(level, {"write", "/sys/fs/cgroup/release_agent", "/evil"});
        CHECK(run(spec).one("errno ") != "0");
    }
    CHECK(run(root.spec(Level::restricted, {"clone-namespace", "user"})).one("errno ") ==
          std::to_string(EPERM));
}

TEST_CASE("CVE-2016-9962: the half-made sandbox cannot be looked into") {
    Root root;
    // The program itself can be traced again, which shows that the flag was not just copied.
    auto seen = run(root.spec(Level::host, {"report"}));
    CHECK(seen.all("fd ").size() == 3);
    for (const std::string& fd : seen.all("fd ")) {
        INFO(fd);
        CHECK(fd.find("/cgroup") == std::string::npos);
        CHECK((fd[0] == '0' || fd[0] == '1' || fd[0] == '2'));
    }
}

TEST_CASE("settings of the kernel cannot be written below level host") {
    Root root;
    REQUIRE(fs::exists("/proc/sys/kernel/core_pattern"));
    for (Level level : {Level::restricted, Level::disk, Level::kexec})
        for (const char* file : {"/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger",
                                 "/proc/sys/kernel/modprobe", "/sys/kernel/uevent_helper"}) {
            if (!fs::exists(file)) continue;  // not in every kernel
            INFO(to_string(level) << " " << file);
            CHECK(run(root.spec(level, {"write", file, "x"})).one("errno ") ==
                  std::to_string(EROFS));
        }
}

TEST_CASE("CVE-2024-45310: links exchanged while mount points are made") {
    Root root;
    TempDir outside = TempDir::create("sandbox-outside").value();
    TempDir data = TempDir::create("sandbox-data").value();
    fs::create_directories(root.dir / "place");
    fs::create_symlink(outside.path(), root.dir / "other");
    std::atomic<bool> over = false;
    std::thread swapper([&] {
        std::string one = root.dir / "place";
        std::string two = root.dir / "other";
        while (!over)
            ::syscall(SYS_renameat2, AT_FDCWD, one.c_str(), AT_FDCWD, two.c_str(), RENAME_EXCHANGE);
    });
    for (int i = 0; i < 20; ++i) {
        auto spec = root.spec(Level::host, {"exit", "0"});
        spec.mounts.push_back({data.path(), "/place/new" + std::to_string(i) + "/deep"});
        spec.cwd = "/place/cwd" + std::to_string(i);
        static_cast<void>(try_run(spec).ok());  // inside or refused, but never outside
    }
    over = true;
    swapper.join();
    CHECK(fs::is_empty(outside.path()));
}

TEST_CASE("CVE-2025-52565: the image brings its own /dev/pts and /dev/console") {
    Root root;
    TempDir outside = TempDir::create("sandbox-outside").value();
    REQUIRE(write_file(outside / "secret", "secret\n", 0600).ok());
    fs::create_directories(root.dir / "dev");
    fs::create_symlink(outside.path(), root.dir / "dev/pts");
    fs::create_symlink(outside / "secret", root.dir / "dev/console");
    for (Level level : all_levels) {
        auto seen = run(root.spec(level, {"report"}));
        bool own = false;
        for (const std::string& line : seen.all("mount "))
            own = own || (split_words(line)[4] == "/dev/pts" &&
                          line.find(" - devpts ") != std::string::npos);
        CHECK(own);
        // Reading the machine's console would wait for somebody to type.
        if (level == Level::restricted)
            CHECK(run(root.spec(level, {"read", "/dev/console"})).out.empty());
        CHECK(read_file(outside / "secret").value() == "secret\n");
    }
}

TEST_CASE("CVE-2022-29162, CVE-2022-24769: what the agent could inherit, an action does not") {
    Root root;
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct before[2] = {};
    REQUIRE(::syscall(SYS_capget, &header, before) == 0);
    __user_cap_data_struct inheriting[2] = {before[0], before[1]};
    for (auto& half : inheriting) half.inheritable = half.permitted;
    REQUIRE(::syscall(SYS_capset, &header, inheriting) == 0);
    for (Level level : all_levels)
        for (uid_t user : {0U, 1234U}) {
            REQUIRE(::chmod(root.dir.path().c_str(), 0755) == 0);
            auto spec = root.spec(level, {"report"});
            spec.uid = user;
            auto seen = run(spec);
            CHECK(seen.one("status CapInh:") == "0000000000000000");
            CHECK(seen.one("status CapAmb:") == "0000000000000000");
        }
    REQUIRE(::syscall(SYS_capset, &header, before) == 0);
}

TEST_CASE("CVE-2019-16884: a volume over /proc") {
    Root root;
    TempDir forged = TempDir::create("sandbox-forged").value();
    for (const char* target : {"/proc", "/proc/self/attr", "/proc/sys/kernel"}) {
        auto spec = root.spec(Level::host, {"report"});
        spec.mounts.push_back({forged.path(), target});
        CHECK(!make_plan(spec));
    }
}

TEST_CASE("CVE-2017-5226: characters pushed into the terminal") {
    Root root;
    for (Level level : all_levels)
        CHECK(run(root.spec(level, {"ioctl-tiocsti"})).one("errno ") == std::to_string(EPERM));
}
