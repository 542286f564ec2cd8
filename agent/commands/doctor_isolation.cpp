#include "agent/commands/doctor_isolation.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "lib/base/file.hpp"
#include "lib/base/pipe.hpp"
#include "lib/base/text.hpp"
#include "lib/bridge/bridge.hpp"
#include "lib/sandbox/user_namespace.hpp"

namespace osiekit::agent {
namespace {

constexpr const char* forward_file = "/proc/sys/net/ipv4/ip_forward";
constexpr std::array<std::string_view, 6> bridge_modules = {
    "bridge", "veth", "nf_tables", "nft_chain_nat", "nft_masq", "nft_ct"};
constexpr std::uint64_t max_list_bytes = 16U << 20U;
constexpr std::uint64_t max_report_bytes = 8192;

// "kernel/net/bridge/bridge.ko.xz: dependencies…" and lines without a colon; names are compared as
// the kernel does, for which '-' is '_'.
bool lists_module(std::string_view list, std::string_view wanted) {
    for (std::string_view line : split(list, '\n')) {
        std::string_view path = line.substr(0, line.find(':'));
        std::string name(path.substr(path.rfind('/') + 1));
        name.resize(std::min(name.size(), name.find(".ko")));
        std::replace(name.begin(), name.end(), '-', '_');
        if (name == wanted) return true;
    }
    return false;
}

void reap(pid_t pid) {
    while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
    }
}

// In a child: says the word, then is there until it is killed, or its parent has ended.
[[noreturn]] void wait_to_be_killed(Pipe& pipe, const std::string& word) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    static_cast<void>(write_all(pipe.write.get(), word).ok());
    pipe.write.reset();
    for (;;) ::pause();
}

// Runs the work in a process of its own and gives what it writes.
template <typename Work>
std::string report_of(Work work) {
    auto pipe = make_pipe();
    pid_t pid = pipe ? ::fork() : -1;
    if (pid < 0) return {};
    if (pid == 0) {
        pipe->read.reset();
        static_cast<void>(write_all(pipe->write.get(), work()).ok());
        ::_exit(0);
    }
    pipe->write.reset();
    auto text = read_all(pipe->read.get(), max_report_bytes);
    reap(pid);
    return text ? *text : std::string();
}

Status make_network() {
    if (::unshare(CLONE_NEWNET) != 0) return Error::from_errno("making a network namespace");
    OSIEKIT_ASSIGN(auto network, bridge::Bridge::create());
    // Somebody with a network of their own, to be given a card.
    OSIEKIT_ASSIGN(Pipe there, make_pipe());
    pid_t pid = ::fork();
    if (pid == 0) {
        bool made = ::unshare(CLONE_NEWNET) == 0;
        wait_to_be_killed(there, made ? "y" : "n");
    }
    there.write.reset();
    static_cast<void>(read_all(there.read.get(), 1).ok());
    Status attached = pid < 0 ? Error::from_errno("starting a process") : network.attach(pid);
    if (pid > 0) {
        ::kill(pid, SIGKILL);
        reap(pid);
    }
    return attached;  // all of it goes with the namespace
}

// The trial's result, through a pipe: "+" for success, else the message and, in a second line, what
// to do.
Status try_network() {
    std::string report = report_of([]() -> std::string {
        Status done = make_network();
        if (done) return "+";
        std::string message = done.error().to_string();
        message.resize(std::min(message.size(), message.rfind(" (hint: ")));
        return printable(message) + "\n" + printable(done.error().hint());
    });
    if (report == "+") return {};
    std::size_t end = report.find('\n');
    if (end == std::string::npos) return Error(ErrorKind::io, "the trial has ended early");
    return Error(ErrorKind::unsupported, report.substr(0, end)).hint(report.substr(end + 1));
}

Finding bridge_network(const Settings&) {
    BridgeFacts facts;
    facts.root = ::geteuid() == 0;
    if (facts.root) facts.trial = try_network();
    Fd forwarding(::open(forward_file, O_WRONLY | O_CLOEXEC));
    facts.forwarding_writable = static_cast<bool>(forwarding);
    utsname name{};
    ::uname(&name);
    facts.absent = absent_bridge_modules("/", name.release);
    return judge_bridge(facts);
}

// With the users that a sandbox would have.
void try_user_namespace(UserNamespaceFacts& facts) {
    auto users = facts.user == 0 ? sandbox::UserMap{} : sandbox::UserMap::caller();
    auto made = make_pipe();
    pid_t pid = made ? ::fork() : -1;
    if (pid < 0) {
        facts.made = made ? errno : made.error().error_number();
        return;
    }
    if (pid == 0) {
        int error = ::unshare(CLONE_NEWUSER) == 0 ? 0 : errno;
        wait_to_be_killed(*made, std::to_string(error));
    }
    made->write.reset();
    auto report = read_all(made->read.get(), max_report_bytes);
    auto error = report ? parse_u64(*report) : std::nullopt;
    facts.made = error ? static_cast<int>(*error) : EIO;
    if (facts.made == 0)
        if (Status mapped = sandbox::write_user_map(pid, users); !mapped)
            facts.mapped = mapped.error().error_number();
    ::kill(pid, SIGKILL);
    reap(pid);
}

Finding user_namespace(const Settings&) {
    UserNamespaceFacts facts;
    facts.user = ::geteuid();
    if (auto text = read_file("/proc/sys/user/max_user_namespaces", 100))
        facts.limit = parse_u64(trim(*text));
    try_user_namespace(facts);
    return judge_user_namespace(facts);
}

}  // namespace

std::vector<std::string> absent_bridge_modules(const std::filesystem::path& root,
                                               const std::string& release) {
    auto folder = root / "lib/modules" / release;
    auto built_in = read_file(folder / "modules.builtin", max_list_bytes);
    auto loadable = read_file(folder / "modules.dep", max_list_bytes);
    if (!built_in && !loadable) return {};
    std::vector<std::string> absent;
    std::error_code ignored;
    for (std::string_view name : bridge_modules)
        if (!std::filesystem::exists(root / "sys/module" / name, ignored) &&
            !(built_in && lists_module(*built_in, name)) &&
            !(loadable && lists_module(*loadable, name)))
            absent.emplace_back(name);
    return absent;
}

Finding judge_bridge(const BridgeFacts& facts) {
    constexpr const char* what = "actions that ask for the network bridge fail: ";
    if (!facts.root) return Finding::warn("the network bridge takes root", "use sudo");
    // First: the trial fails by it as well.
    if (!facts.forwarding_writable)
        return Finding::warn(
            std::string(what) + forward_file + " cannot be written to",
            "mount /proc for writing; container runtimes make /proc/sys read-only");
    if (facts.trial)
        return Finding::ok("bridge, cards and address translation can be made, packets forwarded");
    std::string text = what + facts.trial.error().message();
    if (!facts.absent.empty())
        return Finding::warn(text,
                             "the kernel has no module " + join(facts.absent, ", ") +
                                 ": add what is missing to the image's profile (modules.include)");
    std::string hint = facts.trial.error().hint();
    return Finding::warn(text, hint.empty()
                                   ? "the kernel needs bridge, veth, nf_tables with nat, and "
                                     "CONFIG_NET_NS (docs/sandbox.md)"
                                   : hint);
}

Finding judge_user_namespace(const UserNamespaceFacts& facts) {
    constexpr const char* what = "no sandboxes with user_namespace or --userns: ";
    bool root = facts.user == 0;
    if (facts.made == 0 && facts.mapped == 0)
        return Finding::ok((root ? std::string("root inside can be nobody of the machine")
                                 : "root inside can be user " + std::to_string(facts.user)) +
                           "; newuidmap is not needed");
    if (facts.made == 0)
        return Finding::warn(
            what + std::string("uid_map cannot be written (") + std::strerror(facts.mapped) + ")",
            root ? "users 1048576 to 1114111 are wanted: a container needs them in its own "
                   "map, and CAP_SETUID and CAP_SETGID"
                 : "a security module forbids it: ask the machine's administrator");
    std::string text = what + std::string(std::strerror(facts.made));
    if (!facts.limit || facts.made == EINVAL || facts.made == ENOSYS)
        return Finding::warn(text, "build the kernel with CONFIG_USER_NS");
    if (*facts.limit == 0 || facts.made == ENOSPC)
        return Finding::warn(
            text + " (user.max_user_namespaces is " + std::to_string(*facts.limit) + ")",
            "sysctl user.max_user_namespaces=10000");
    return Finding::warn(
        text, root ? "a container runtime's filter forbids them: allow clone and unshare "
                     "with CLONE_NEWUSER"
                   : "this machine lets nobody but root make them: sysctl "
                     "kernel.unprivileged_userns_clone=1 (Debian) or "
                     "kernel.apparmor_restrict_unprivileged_userns=0 (Ubuntu)");
}

std::vector<Check> isolation_checks() {
    return {{"bridge", bridge_network}, {"user-namespace", user_namespace}};
}

}  // namespace osiekit::agent
