#include "lib/sandbox/cgroup.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstring>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::sandbox {
namespace {

constexpr std::chrono::milliseconds longest_wait_for_empty{2000};
constexpr std::uint64_t cpu_period = 100000;  // microseconds: the kernel's default
constexpr std::uint64_t control_file_limit = 1U << 20U;

Status write_control(int directory, const char* name, std::string_view value) {
    Fd file(::openat(directory, name, O_WRONLY | O_CLOEXEC));
    if (!file) return Error::from_errno(std::string("cannot open ") + name);
    return write_all(file.get(), value).context(std::string("writing ") + name);
}

Result<std::string> read_control(int directory, const char* name) {
    Fd file(::openat(directory, name, O_RDONLY | O_CLOEXEC));
    if (!file) return Error::from_errno(std::string("cannot open ") + name);
    return read_all(file.get(), control_file_limit);
}

// The number after `key` in lines of "key number"; 0 if it is absent.
std::uint64_t counter(std::string_view text, std::string_view key) {
    for (std::string_view line : split(text, '\n')) {
        auto words = split_words(line);
        if (words.size() == 2 && words[0] == key) return parse_u64(words[1]).value_or(0);
    }
    return 0;
}

bool has_controller(const std::filesystem::path& group, std::string_view name) {
    auto text = read_file(group / "cgroup.controllers");
    if (!text) return false;
    for (std::string_view word : split_words(*text))
        if (word == name) return true;
    return false;
}

// Hands the controllers that limits need down to children. One at a time: one refusal must not keep
// the others back.
void delegate(const std::filesystem::path& group) {
    Fd directory(::open(group.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory) return;
    for (const char* controller : {"+memory", "+pids", "+cpu", "+io"})
        static_cast<void>(
            write_control(directory.get(), "cgroup.subtree_control", controller).ok());
}

// One value for one file of the group, and the controller that has the file.
struct Setting {
    const char* controller;
    const char* file;
    std::string value;
};

// Each disk has its own line; partitions count for their disk.
std::vector<std::string> io_lines(std::uint64_t bytes_per_second) {
    std::vector<std::string> lines;
    std::error_code ignored;
    std::string rate = std::to_string(bytes_per_second);
    for (std::filesystem::directory_iterator it("/sys/block", ignored), end; it != end;
         it.increment(ignored)) {
        auto device = read_file(it->path() / "dev");
        if (!device) continue;
        lines.push_back(std::string(trim(*device)) + " rbps=" + rate + " wbps=" + rate);
    }
    return lines;
}

std::vector<Setting> settings_for(const Limits& limits) {
    std::vector<Setting> settings;
    if (limits.memory_bytes) {
        settings.push_back({"memory", "memory.max", std::to_string(*limits.memory_bytes)});
        settings.push_back({"memory", "memory.swap.max", "0"});
    }
    if (limits.processes)
        settings.push_back({"pids", "pids.max", std::to_string(*limits.processes)});
    if (limits.cpu_millis)
        settings.push_back({"cpu", "cpu.max",
                            std::to_string(cpu_period / 1000 * *limits.cpu_millis) + " " +
                                std::to_string(cpu_period)});
    if (limits.io_bytes_per_second)
        for (std::string& line : io_lines(*limits.io_bytes_per_second))
            settings.push_back({"io", "io.max", std::move(line)});
    return settings;
}

void apply(int directory, const std::filesystem::path& group, const Limits& limits,
           std::vector<std::string>& notes) {
    std::string_view absent;
    for (const Setting& setting : settings_for(limits)) {
        if (absent == setting.controller) continue;
        if (!has_controller(group, setting.controller)) {
            absent = setting.controller;
            notes.push_back("the kernel has no cgroup controller '" + std::string(absent) +
                            "' here: its limit is not enforced");
            continue;
        }
        auto done = write_control(directory, setting.file, setting.value);
        // Without swap there is no such file; a loop device without a file takes no limit.
        bool harmless = !done && (done.error().error_number() == ENODEV ||
                                  std::string_view(setting.file) == "memory.swap.max");
        if (!done && !harmless) notes.push_back("limit not enforced: " + done.error().to_string());
    }
}

Status make_directory(const std::filesystem::path& path) {
    if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST)
        return Error::from_errno("cannot make the cgroup " + path.string());
    return {};
}

}  // namespace

std::optional<std::filesystem::path> cgroup2_mount(std::string_view mountinfo) {
    for (std::string_view line : split(mountinfo, '\n')) {
        auto words = split_words(line);
        // … mount-point options optional-fields - type source options (proc(5))
        for (std::size_t i = 6; i + 1 < words.size(); ++i)
            if (words[i] == "-") {
                if (words[i + 1] == "cgroup2") return std::filesystem::path(words[4]);
                break;
            }
    }
    return std::nullopt;
}

Result<Cgroup> Cgroup::create(const std::filesystem::path& base, const std::string& name,
                              const Limits& limits, std::vector<std::string>& notes) {
    std::filesystem::path parent = base / "osie";
    delegate(base);
    OSIEKIT_TRY(make_directory(parent));
    delegate(parent);
    Cgroup group;
    group.path_ = parent / name;
    // One left by an agent that was killed may still hold processes of the earlier run.
    if (Fd old{::open(group.path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)}) {
        group.directory_ = std::move(old);
        OSIEKIT_TRY(group.kill());
        OSIEKIT_TRY(group.remove());
        group.directory_.reset();
    }
    OSIEKIT_TRY(make_directory(group.path_));
    OSIEKIT_ASSIGN(group.directory_, open_file(group.path_, O_RDONLY | O_DIRECTORY));
    apply(group.fd(), group.path_, limits, notes);
    // The whole action dies, not a helper process whose death it may not notice.
    if (has_controller(group.path_, "memory"))
        if (auto done = write_control(group.fd(), "memory.oom.group", "1"); !done)
            notes.push_back(done.error().to_string());
    return group;
}

Status Cgroup::add(pid_t process) const {
    return write_control(fd(), "cgroup.procs", std::to_string(process));
}

Status Cgroup::kill() const {
    return write_control(fd(), "cgroup.kill", "1");
}

bool Cgroup::out_of_memory() const {
    auto events = read_control(fd(), "memory.events");
    return events && counter(*events, "oom_kill") > 0;
}

Status Cgroup::remove() const {
    using Clock = std::chrono::steady_clock;
    auto deadline = Clock::now() + longest_wait_for_empty;
    Fd events(::openat(fd(), "cgroup.events", O_RDONLY | O_CLOEXEC));
    while (events) {
        ::lseek(events.get(), 0, SEEK_SET);
        auto text = read_all(events.get(), control_file_limit);
        auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
        if (!text || counter(*text, "populated") == 0 || left.count() <= 0) break;
        pollfd changed{events.get(), POLLPRI, 0};
        ::poll(&changed, 1, static_cast<int>(left.count()));
    }
    std::error_code ignored;
    std::vector<std::filesystem::path> nested;
    for (std::filesystem::recursive_directory_iterator it(path_, ignored), end; it != end;
         it.increment(ignored))
        if (it->is_directory(ignored)) nested.push_back(it->path());
    for (auto group = nested.rbegin(); group != nested.rend(); ++group) ::rmdir(group->c_str());
    if (::rmdir(path_.c_str()) != 0 && errno != ENOENT)
        return Error::from_errno("cannot remove the cgroup " + path_.string());
    return {};
}

}  // namespace osiekit::sandbox
