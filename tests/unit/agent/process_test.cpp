// What image and action make of a process: users, volumes, command, output, and the ending.
#include <fcntl.h>
#include <sys/stat.h>
#include <catch2/catch.hpp>

#include <csignal>
#include <filesystem>

#include "agent/ending.hpp"
#include "agent/image_process.hpp"
#include "agent/journal.hpp"
#include "agent/line_splitter.hpp"
#include "agent/users.hpp"
#include "agent/volumes.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"

using namespace osiekit;
using namespace osiekit::agent;

namespace {
const std::string passwd =
    "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1001::/home/user:/bin/sh\nbad:x:x:0::/:/\n";
const std::string group = "root:x:0:\nwheel:x:10:user,other\nuser:x:1001:\nvideo:x:44:user\n";
const VolumePlaces places{"/store/volumes", "/store/action"};
}  // namespace

TEST_CASE("CVE-2024-9676: the image's user database is a link to elsewhere, or no file") {
    TempDir dir = TempDir::create("users").value();
    TempDir outside = TempDir::create("outside").value();
    REQUIRE(write_file(outside / "passwd", "who:x:7:8::/home:/bin/sh\n").ok());
    std::filesystem::create_directories(dir / "etc");
    Fd root = open_file(dir.path(), O_PATH | O_DIRECTORY).value();
    auto known = [&] { return look_up_user_in_root("who", root.get()).ok(); };
    REQUIRE_FALSE(known());
    std::filesystem::create_symlink(outside / "passwd", dir / "etc/passwd");
    REQUIRE_FALSE(known());
    std::filesystem::remove(dir / "etc/passwd");
    REQUIRE(::mkfifo((dir / "etc/passwd").c_str(), 0644) == 0);
    REQUIRE_FALSE(known());  // and nobody waits for a writer
    std::filesystem::remove(dir / "etc/passwd");
    REQUIRE(write_file(dir / "etc/real", "who:x:7:8::/home:/bin/sh\n").ok());
    std::filesystem::create_symlink("/etc/real", dir / "etc/passwd");
    REQUIRE(known());
}

TEST_CASE("CVE-2026-30892, CVE-2023-25173: users as images name them, and their groups") {
    auto user = look_up_user("user", passwd, group).value();
    REQUIRE((user.uid == 1000 && user.gid == 1001 && user.home == "/home/user"));
    REQUIRE(user.groups == std::vector<gid_t>{10, 44});
    auto with_group = look_up_user("user:wheel", passwd, group).value();
    REQUIRE((with_group.gid == 10 && with_group.groups.empty()));
    auto numbers = look_up_user("5:6", "", "").value();
    REQUIRE((numbers.uid == 5 && numbers.gid == 6 && numbers.home == "/"));
    REQUIRE(look_up_user("1000", passwd, group)->gid == 1001);
    REQUIRE(look_up_user("", passwd, group)->home == "/root");
    REQUIRE(look_up_user(":wheel", passwd, group)->gid == 10);
    for (const char* text : {"nobody", "user:none", "5:", "5x", "bad", "4294967295", "-1", "5:6:7"})
        REQUIRE_FALSE(look_up_user(text, passwd, group));
    REQUIRE(look_up_user("4294967294", "", ""));
}

TEST_CASE("volumes as Docker writes them") {
    auto plain = parse_volume("/dev:/dev", places).value();
    REQUIRE((plain.source == "/dev" && plain.target == "/dev" && !plain.read_only));
    REQUIRE((plain.recursive && plain.create_source));
    REQUIRE(parse_volume("/lib/firmware:/lib/firmware:ro", places)->read_only);
    REQUIRE_FALSE(parse_volume("/a:/b:ro,rw,z", places)->read_only);
    REQUIRE_FALSE(parse_volume("/a:/b:bind", places)->recursive);
    REQUIRE(parse_volume("data:/d", places)->source == "/store/volumes/data");
    REQUIRE(parse_volume("/only", places)->source.parent_path() == "/store/action");
    for (const char* text : {"", ":", "a", "/a:b", "/a:", ":/b", "../x:/b", "x/y:/b", "/a:/b:nope",
                             "/a:/b:ro:x", "/a:/", ".:/x"})
        REQUIRE_FALSE(parse_volume(text, places));
}

TEST_CASE("command and environment are the image's, changed by the action's") {
    oci::ImageConfig image;
    image.entrypoint = {"/entry"};
    image.cmd = {"default"};
    image.env = {"A=1", "PATH=/image"};
    image.working_dir = "work";
    Action action;
    UserIdentity user;
    auto process = make_process(image, action, user, "host").value();
    REQUIRE(process.argv == std::vector<std::string>{"/entry", "default"});
    REQUIRE(process.cwd == "/work");
    action.command = {"x", "y"};
    action.environment = {"A=2", "B="};
    process = make_process(image, action, user, "host").value();
    REQUIRE(process.argv == std::vector<std::string>{"/entry", "x", "y"});
    REQUIRE(process.env ==
            std::vector<std::string>{"A=2", "PATH=/image", "B=", "HOME=/", "HOSTNAME=host"});
    REQUIRE_FALSE(make_process({}, Action(), user, "host"));
    for (const char* variable : {"=x", "novalue", ""}) {
        action.environment = {variable};
        REQUIRE_FALSE(make_process(image, action, user, "host"));
    }
}

TEST_CASE("lines are cut at their ends and at the limit, and nothing is lost") {
    std::vector<std::string> lines;
    LineSplitter splitter([&](std::string_view line) { lines.emplace_back(line); });
    splitter.add("one\ntw");
    splitter.add("o\r10%\r\n\nrest");
    splitter.flush();
    REQUIRE(lines == std::vector<std::string>{"one", "two", "10%", "rest"});
    lines.clear();
    splitter.add(std::string(LineSplitter::max_line_bytes, 'a') + "\n" +
                 std::string(LineSplitter::max_line_bytes + 1, 'b') + "\n");
    REQUIRE(lines.size() == 3);
    REQUIRE(lines[1].size() == LineSplitter::max_line_bytes);
    REQUIRE(lines[2] == "b");
}

TEST_CASE("the journal keeps entries across agents and survives damage") {
    TempDir directory = TempDir::create("journal").value();
    JournalEntry entry;
    entry.workflow_id = "ns/name";
    entry.action_id = "../../etc/passwd";
    entry.action_name = "bytes \xff";
    entry.phase = JournalEntry::Phase::finished;
    entry.outcome.state = OutcomeState::timeout;
    entry.outcome.message = "why\n";
    entry.outcome.stop = WallClock::time_point(std::chrono::seconds(1700000000));
    {
        auto journal = Journal::open(directory / "j").value();
        REQUIRE(journal.record(entry));
        REQUIRE_FALSE(journal.find("ns/name", "other"));
    }
    auto journal = Journal::open(directory / "j").value();
    auto found = journal.find("ns/name", "../../etc/passwd").value();
    REQUIRE(found.phase == JournalEntry::Phase::finished);
    REQUIRE(found.outcome.state == OutcomeState::timeout);
    REQUIRE(found.outcome.message == "why\n");
    REQUIRE(found.outcome.stop == entry.outcome.stop);
    REQUIRE(journal.all().size() == 1);
    for (const auto& file : std::filesystem::directory_iterator(directory / "j"))
        REQUIRE(write_file(file.path(), "{half"));
    REQUIRE(journal.all().empty());
    REQUIRE_FALSE(journal.find("ns/name", "../../etc/passwd"));
}

TEST_CASE("a wish to reboot is granted once; the file goes first") {
    TempDir directory = TempDir::create("worker").value();
    Logger log(Logger::Options{LogLevel::error, false, false, 2});
    std::vector<int> signals;
    auto signal = [&](int number) {
        REQUIRE_FALSE(wished_ending(directory.path()));
        signals.push_back(number);
        return 0;
    };
    REQUIRE_FALSE(end_if_asked(directory.path(), log, signal));
    REQUIRE(write_file(directory / "reboot", ""));
    REQUIRE(end_if_asked(directory.path(), log, signal));
    REQUIRE_FALSE(end_if_asked(directory.path(), log, signal));
    REQUIRE(write_file(directory / "poweroff", ""));
    REQUIRE(end_if_asked(directory.path(), log, signal));
    REQUIRE(write_file(directory / "kexec", ""));
    REQUIRE(end_if_asked(directory.path(), log, signal));
    // Of several wishes one is granted, and none is left.
    for (const char* wish : {"kexec", "reboot"}) REQUIRE(write_file(directory / wish, ""));
    REQUIRE(end_if_asked(directory.path(), log, signal));
    REQUIRE(signals == std::vector<int>{SIGTERM, SIGUSR2, SIGRTMIN + 6, SIGTERM});
}
