// Actions under their supervisors, with real processes: the test is the agent, and is replaced by
// another one at every step. Needs root.
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <thread>

#include "agent/supervised_action.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "lib/base/text.hpp"
#include "tests/unit/kernel/without_call.hpp"

using namespace osiekit;
using namespace osiekit::agent;
namespace fs = std::filesystem;

namespace {

const fs::path program = fs::path(OSIEKIT_BIN_DIR) / "tink-worker";

// A root with the probe in it and a directory to look into, and the agent's directory.
struct Machine {
    TempDir directory = TempDir::create("supervisor").value();
    StopSignal never;
    Machine() {
        fs::create_directories(root() / "shared");
        fs::copy_file(fs::path(OSIEKIT_BIN_DIR) / "agent_test_probe", root() / "probe");
    }
    fs::path root() const { return directory / "root"; }
    fs::path shared(const std::string& name) const { return root() / "shared" / name; }
    fs::path action() const { return directory / "actions/one"; }
    SupervisorRequest request(std::vector<std::string> arguments) const {
        SupervisorRequest request;
        request.spec.rootfs = root();
        request.spec.argv = std::move(arguments);
        request.spec.argv.insert(request.spec.argv.begin(), "/probe");
        // The root is writable through it: an overlay is above in the agent.
        request.spec.mounts.push_back({root() / "shared", "/shared"});
        request.entry.workflow_id = "workflow";
        request.entry.action_id = "one";
        request.entry.action_name = "one";
        request.deadline = std::chrono::duration_cast<std::chrono::milliseconds>(
            (std::chrono::steady_clock::now() + std::chrono::hours(1)).time_since_epoch());
        request.timeout = std::chrono::hours(1);
        request.grace = std::chrono::milliseconds(100);
        return request;
    }
    SupervisedAction start(std::vector<std::string> arguments) const {
        auto started = SupervisedAction::start(action(), request(std::move(arguments)), program);
        REQUIRE(started);
        return *std::move(started);
    }
    pid_t supervisor() const {
        REQUIRE(appears(action() / "pid"));
        return static_cast<pid_t>(parse_u64(trim(read_file(action() / "pid").value())).value());
    }
    static bool appears(const fs::path& path) {
        for (int i = 0; i < 3000 && !fs::exists(path); ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        return fs::exists(path);
    }
};

struct Heard {
    std::vector<std::string> lines;
    int gaps = 0;
    SupervisedAction::Listener listener{
        {[this](const OutputLine& line) {
             lines.push_back((line.error ? "e:" : "o:") + std::string(line.text));
         },
         [this](std::uint64_t) { ++gaps; }},
        [] {}};
};

Outcome follow(const Machine& machine, SupervisedAction& action, Heard& heard) {
    auto outcome = action.follow(machine.never, heard.listener);
    INFO((outcome ? outcome->message : outcome.error().to_string()));
    REQUIRE(outcome);
    return *outcome;
}

}  // namespace

TEST_CASE("a request is carried over whole") {
    Machine machine;
    auto request = machine.request({"a", std::string("\xff\xfe", 2)});
    request.spec.env = {"A=\x80"};
    request.spec.limits.memory_bytes = 5;
    request.spec.groups = {1, 2};
    request.spec.host_pid = true;
    request.spec.network = sandbox::Network::bridge;
    request.spec.users = sandbox::UserMap{100, 200, 300};
    request.spec.rootfs_is_mapped = true;
    request.spec.shares_root = true;
    auto bytes = encode(request);
    auto read = decode_supervisor_request(bytes).value();
    REQUIRE(encode(read) == bytes);
    REQUIRE(read.spec.argv == request.spec.argv);
    REQUIRE(read.spec.mounts.size() == 1);
    REQUIRE(read.spec.network == sandbox::Network::bridge);
    REQUIRE(read.spec.users == request.spec.users);
    REQUIRE(read.spec.rootfs_is_mapped);
    REQUIRE(read.spec.shares_root);
    for (std::size_t size = 0; size < bytes.size(); ++size)
        REQUIRE_FALSE(decode_supervisor_request(std::string_view(bytes).substr(0, size)));
}

TEST_CASE("an action is followed to its end") {
    Machine machine;
    Heard heard;
    auto action = machine.start({"print:one\ntwo", "error:trouble\n", "exit:7"});
    auto outcome = follow(machine, action, heard);
    REQUIRE(outcome.state == OutcomeState::failed);
    REQUIRE(outcome.message == "exit status 7");
    std::sort(heard.lines.begin(), heard.lines.end());
    REQUIRE(heard.lines == std::vector<std::string>{"e:trouble", "o:one", "o:two"});
    REQUIRE_FALSE(fs::exists(machine.action() / "request"));
    // It may hold the action's secrets.
    REQUIRE(fs::status(machine.action()).permissions() == fs::perms::owner_all);
}

TEST_CASE(
    "CVE-2020-15257: nothing of the agent listens where an action with its network could call") {
    Machine machine;
    auto action = machine.start({"append:/shared/starts", "wait-for:/shared/go"});
    REQUIRE(Machine::appears(machine.shared("starts")));
    // Inodes of the abstract sockets of this network: the last but one word; names begin with '@'.
    std::vector<std::string> abstract;
    std::string sockets = read_file("/proc/net/unix").value();
    for (std::string_view line : split(sockets, '\n')) {
        auto words = split_words(line);
        if (words.size() == 8 && words[7].front() == '@')
            abstract.push_back("socket:[" + std::string(words[6]) + "]");
    }
    for (pid_t pid : {::getpid(), machine.supervisor()})
        for (const auto& fd : fs::directory_iterator("/proc/" + std::to_string(pid) + "/fd")) {
            std::error_code gone;
            std::string target = fs::read_symlink(fd.path(), gone).string();
            REQUIRE(std::find(abstract.begin(), abstract.end(), target) == abstract.end());
        }
    REQUIRE(write_file(machine.shared("go"), "").ok());
    Heard heard;
    REQUIRE(follow(machine, action, heard).success());
}

TEST_CASE("an action that cannot be started says why") {
    Machine machine;
    Heard heard;
    auto request = machine.request({});
    request.spec.argv = {"/missing"};
    auto action = SupervisedAction::start(machine.action(), request, program).value();
    auto outcome = follow(machine, action, heard);
    REQUIRE(outcome.state == OutcomeState::failed);
    REQUIRE(outcome.message.find("/missing") != std::string::npos);
}

TEST_CASE("another agent finds a running action, hears the rest and the outcome") {
    Machine machine;
    auto first = machine.start(
        {"append:/shared/starts", "print:early\n", "wait-for:/shared/go", "print:late\n"});
    REQUIRE(Machine::appears(machine.shared("starts")));
    // The first agent is gone: nobody follows.
    auto second = SupervisedAction::find(machine.action());
    REQUIRE(second);
    REQUIRE(write_file(machine.shared("go"), ""));
    Heard heard;
    REQUIRE(follow(machine, *second, heard).success());
    REQUIRE(heard.lines == std::vector<std::string>{"o:early", "o:late"});
    REQUIRE(fs::file_size(machine.shared("starts")) == 1);
    // And a third one, when it has ended: the same outcome, no line twice.
    auto third = SupervisedAction::find(machine.action());
    REQUIRE(third);
    Heard again;
    REQUIRE(follow(machine, *third, again).success());
    REQUIRE(again.lines.empty());
}

TEST_CASE("what a supervisor says about limits is told") {
    Machine machine;
    auto action = machine.start({"print:fine\n"});
    Heard heard;
    REQUIRE(follow(machine, action, heard).success());
    REQUIRE(action.notes().empty());
    auto log = machine.action() / "supervisor.log";
    REQUIRE(write_file(log, "a limit is not enforced\n\nanother \x1b[0m one\n").ok());
    auto notes = action.notes();
    REQUIRE(notes.size() == 2);
    REQUIRE(notes[0] == "a limit is not enforced");
    REQUIRE(notes[1].find('\x1b') == std::string::npos);
    REQUIRE(write_file(log, std::string(100, '\n') + std::string(2000, 'x')).ok());
    REQUIRE(action.notes().size() == 1);
    std::string many;
    for (int i = 0; i < 21; ++i) many += "n\n";
    REQUIRE(write_file(log, many).ok());
    REQUIRE(action.notes().size() == 20);
}

TEST_CASE("a directory without a supervisor is no action") {
    Machine machine;
    REQUIRE_FALSE(SupervisedAction::find(machine.action()));
    // Killed before the supervisor was started: a request, perhaps a lock that nobody holds.
    fs::create_directories(machine.action());
    REQUIRE(write_file(machine.action() / "request", encode(machine.request({}))));
    REQUIRE_FALSE(SupervisedAction::find(machine.action()));
    REQUIRE(write_file(machine.action() / "lock", ""));
    // The number of some other living process.
    REQUIRE(write_file(machine.action() / "pid", std::to_string(::getpid())));
    REQUIRE_FALSE(SupervisedAction::find(machine.action()));
}

TEST_CASE("the action dies with its supervisor, and is not taken for finished") {
    Machine machine;
    auto action = machine.start({"fork-beat:/shared/beat", "wait-for:/never"});
    REQUIRE(Machine::appears(machine.shared("beat")));
    REQUIRE(::kill(machine.supervisor(), SIGKILL) == 0);
    Heard heard;
    auto outcome = action.follow(machine.never, heard.listener);
    REQUIRE_FALSE(outcome);
    REQUIRE_FALSE(SupervisedAction::find(machine.action()));
    auto beating = [&] {
        auto size = fs::file_size(machine.shared("beat"));
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        return fs::file_size(machine.shared("beat")) != size;
    };
    for (int i = 0; i < 100 && beating(); ++i) {
    }
    REQUIRE_FALSE(beating());
}

TEST_CASE("the supervisor ends an action at its timeout, with or without an agent") {
    Machine machine;
    auto request = machine.request({"fork-beat:/shared/beat", "wait-for:/never"});
    request.deadline = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now().time_since_epoch());
    request.timeout = std::chrono::seconds(3);
    static_cast<void>(SupervisedAction::start(machine.action(), request, program).value());
    REQUIRE(Machine::appears(machine.action() / "result"));
    auto found = SupervisedAction::find(machine.action());
    REQUIRE(found);
    Heard heard;
    auto outcome = follow(machine, *found, heard);
    REQUIRE(outcome.state == OutcomeState::timeout);
    REQUIRE(outcome.message == "ended after its timeout of 3s");
}

TEST_CASE("a stop of the agent ends the action without an outcome") {
    Machine machine;
    auto action = machine.start({"append:/shared/starts", "wait-for:/never"});
    REQUIRE(Machine::appears(machine.shared("starts")));
    StopSignal stop;
    stop.set();
    Heard heard;
    REQUIRE_FALSE(action.follow(stop, heard.listener));
    REQUIRE_FALSE(SupervisedAction::find(machine.action()));
}

TEST_CASE("a hundred thousand lines arrive whole and in order") {
    Machine machine;
    Heard heard;
    auto action = machine.start({"count:100000"});
    REQUIRE(follow(machine, action, heard).success());
    REQUIRE(heard.gaps == 0);
    REQUIRE(heard.lines.size() == 100000);
    for (std::size_t i = 0; i < heard.lines.size(); ++i)
        if (heard.lines[i] != "o:line " + std::to_string(i)) FAIL(heard.lines[i]);
}

TEST_CASE("nobody who reads blocks nobody who writes; the oldest output goes") {
    TempDir directory = TempDir::create("spool").value();
    constexpr std::uint64_t file_bytes = 1000;
    auto writer = SpoolWriter::create(directory / "output", file_bytes).value();
    constexpr int lines = 2000;
    for (int i = 0; i < lines; ++i) {
        writer.add(false, "line " + std::to_string(i));
        writer.flush();
    }
    std::uint64_t files = 0;
    for ([[maybe_unused]] const auto& file : fs::directory_iterator(directory / "output")) ++files;
    REQUIRE(files == max_spool_files);
    std::vector<std::string> read;
    std::vector<std::uint64_t> gaps;
    SpoolReader::Listener listener{[&](const OutputLine& line) { read.emplace_back(line.text); },
                                   [&](std::uint64_t count) { gaps.push_back(count); }};
    SpoolReader reader(directory / "output", directory / "position");
    reader.read(listener);
    REQUIRE(gaps.size() == 1);
    REQUIRE(read.back() == "line " + std::to_string(lines - 1));
    REQUIRE(reader.next_line() == lines);
    auto first = parse_u64(std::string_view(read.front()).substr(5)).value();
    REQUIRE(gaps[0] == first);
    for (std::size_t i = 0; i < read.size(); ++i)
        if (read[i] != "line " + std::to_string(first + i)) FAIL(read[i]);
    // Damage to the position is no loss.
    REQUIRE(write_file(directory / "position", "x y z"));
    std::size_t before = read.size();
    SpoolReader(directory / "output", directory / "position").read(listener);
    REQUIRE(read.size() == 2 * before);
    // Any line can be gone to; one that is gone, and one that is not there yet, too.
    for (std::uint64_t line : {first - 1, first, first + 1, lines - std::uint64_t{1},
                               std::uint64_t{lines}, std::uint64_t{lines} + 1}) {
        read.clear();
        gaps.clear();
        SpoolReader other(directory / "output", {});
        other.go_to(line);
        other.read(listener);
        auto from = std::max(line, first);
        CAPTURE(line);
        REQUIRE(read.size() == (from < lines ? lines - from : 0));
        if (!read.empty()) REQUIRE(read.front() == "line " + std::to_string(from));
        REQUIRE(gaps ==
                (line < first ? std::vector<std::uint64_t>{1} : std::vector<std::uint64_t>{}));
    }
}

TEST_CASE("lines of the spool are read strictly") {
    auto line = parse_output_line("2026-01-01T00:00:00.000000Z stderr F a b ").value();
    REQUIRE((line.error && line.text == "a b " && line.time == "2026-01-01T00:00:00.000000Z"));
    REQUIRE(parse_output_line("t stdout F ")->text.empty());
    for (const char* text : {"", "t", "t stdout", "t stdlog F x", "t stdout P x", " stdout F x"})
        REQUIRE_FALSE(parse_output_line(text));
}

TEST_CASE("no supervisor is started that could be neither watched nor ended") {
    Machine machine;
    for (int call : {SYS_pidfd_open, SYS_pidfd_send_signal}) {
        auto refused = osiekit::test::without_call(call, [&] {
            return SupervisedAction::start(machine.action(), machine.request({"exit:0"}), program);
        });
        REQUIRE_FALSE(refused);
        INFO(refused.error().to_string());
        CHECK(refused.error().kind() == ErrorKind::unsupported);
        CHECK(refused.error().to_string().find("the kernel lacks pidfd_") != std::string::npos);
        CHECK_FALSE(fs::exists(machine.action()));
    }
}

TEST_CASE("an action runs, and is ended, below a filter that hides clone3") {
    Machine machine;
    Heard heard;
    osiekit::test::without_call(SYS_clone3, [&] {
        auto action = machine.start({"exit:7"});
        auto outcome = follow(machine, action, heard);
        CHECK(outcome.state == OutcomeState::failed);
        CHECK(outcome.message == "exit status 7");
    });
}
