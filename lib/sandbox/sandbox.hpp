#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"

// Runs one program (an action) in namespaces of its own, without a container engine. First
// make_plan() computes everything as data, which can be printed and tested; then start() performs
// it. What each level may do is in docs/sandbox.md. Needs root (but see
// UserMap::caller()) and Linux 5.14 or later.
namespace osiekit::sandbox {

// How much of the machine a program can reach; each level includes the one before.
//   restricted: no devices, no mounting; for programs that only compute or use the network
//   disk:       block devices and mounting
//   kexec:      starting another kernel, or the machine again
//   host:       what Tinkerbell's privileged containers have, less what no installer needs
enum class Level { restricted, disk, kexec, host };
inline constexpr std::array<Level, 4> all_levels = {Level::restricted, Level::disk, Level::kexec,
                                                    Level::host};

std::string_view to_string(Level level);
Result<Level> parse_level(std::string_view text);  // kind invalid_input with the known names

// As Docker's networks of these names. host: the program shares the machine's. none: one of its own
// with a loopback interface and nothing else. bridge: one of its own that reaches what the machine
// reaches, with the machine's address, and that only the machine reaches (lib/bridge).
enum class Network { host, none, bridge };
inline constexpr std::array<Network, 3> all_networks = {Network::host, Network::none,
                                                        Network::bridge};

std::string_view to_string(Network network);
Result<Network> parse_network(std::string_view text);  // kind invalid_input with the known names

// A directory or file of the machine shown inside the sandbox (Docker's -v).
struct Mount {
    std::filesystem::path source;  // absolute, on the machine
    std::filesystem::path
        target;  // absolute, inside; made if missing, never through a link to outside
    bool read_only = false;
    bool recursive = true;  // mounts below the source come along
    // A missing source becomes an empty directory, mode 0755; with shares_root it is the program's.
    bool create_source = false;
    // The source is refused if any part of its path is a symbolic link: for callers that judged the
    // path's text, which an earlier action may have made lead elsewhere.
    bool source_without_links = false;
};

// Enforced where the kernel has the cgroup v2 controller; where not, a note of Running says so.
struct Limits {
    std::optional<std::uint64_t> memory_bytes;  // RAM; swap is then not used at all
    std::optional<std::uint64_t> processes;     // and threads
    std::optional<std::uint32_t> cpu_millis;    // thousandths of one processor's time; at least 10
    std::optional<std::uint64_t> io_bytes_per_second;  // of each disk, reading and writing each

    bool operator==(const Limits&) const = default;
};

// Which users of the machine stand for the users 0 to count - 1 inside a user namespace.
struct UserMap {
    // Of a range that nobody else on the machine has; for a caller who is root.
    uid_t first_user = 1U << 20U;
    gid_t first_group = 1U << 20U;
    std::uint32_t count = 1U << 16U;

    // Root inside is the caller, and there is nobody else: for a caller who is not root.
    static UserMap caller();
    bool single() const { return count == 1; }
    bool operator==(const UserMap&) const = default;
};

struct SandboxSpec {
    Level level = Level::host;
    std::filesystem::path rootfs;   // a directory or mount point that the caller prepared
    std::vector<std::string> argv;  // argv[0] without '/' is looked up in the PATH of env, inside
    std::vector<std::string> env;   // NAME=value, handed over as they are
    std::string cwd = "/";          // made if missing
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups;  // supplementary
    std::string hostname;       // empty: the machine's
    std::vector<Mount>
        mounts;  // in this order, after the default ones; a target replaces a default one
    bool host_pid = false;  // share the machine's PID namespace
    Network network = Network::host;
    // A user namespace: root inside is somebody who owns nothing on the machine. For level
    // restricted, with a PID namespace of its own.
    std::optional<UserMap> users;
    // The files below rootfs belong to the mapped users. If not, the mount shows them so, which
    // takes a file system that can (idmapped mounts: ext4, xfs, btrfs; tmpfs from Linux 6.3).
    bool rootfs_is_mapped = false;
    // The root is the one that the machine itself runs from. Below level host the program cannot
    // change it, as what it left there another program would run: it is read-only, with a /run and
    // a /tmp of its own, 64 MiB each at most. Mounts from the machine stay writable.
    bool shares_root = false;
    std::string cgroup;  // its cgroup is osie/NAME; empty: none. Letters, digits, '.', '_', '-'
    Limits limits;
    // The program dies with the thread that started it. Without, it lives on when the agent is
    // killed; the next one finds it by its cgroup. It still dies with its Running object.
    bool die_with_parent = true;
    int stdout_fd = 1;  // borrowed; standard input is /dev/null
    int stderr_fd = 2;
};

// One mount of the plan. `source` is a file system's type for fresh ones, else the path to bind.
struct PlannedMount {
    enum class Kind { fresh, bind };
    Kind kind = Kind::fresh;
    std::string source;
    std::string target;
    std::uint64_t attributes = 0;  // MOUNT_ATTR_*
    std::vector<std::pair<std::string, std::string>> options;
    bool recursive = false;
    bool create_source = false;
    bool source_without_links = false;
    bool from_spec = false;  // target may lead through symbolic links of the image, inside the root
    bool optional = false;   // a kernel without it is not an error
};

// Everything that start() will do, as data.
struct Plan {
    SandboxSpec spec;
    std::uint64_t namespaces = 0;  // CLONE_NEW*
    std::vector<PlannedMount> mounts;
    std::uint64_t root_attributes = 0;
    bool device_nodes = false;  // the six harmless devices and links go into a fresh /dev
    std::vector<std::string> masked;
    std::vector<std::string> read_only;
    std::uint64_t capabilities =
        0;  // bounding, permitted and effective; inheritable and ambient stay empty
    bool no_new_privileges = false;
};

// Checks the specification. Errors are kind invalid_input and name the field.
Result<Plan> make_plan(SandboxSpec spec);

// The plan in lines of text, for logs and tests. Values of environment variables are not shown.
std::string describe(const Plan& plan);

struct ExitStatus {
    int code = 0;    // exit status, or 128 + signal
    int signal = 0;  // 0 if the program ended by itself
    bool out_of_memory = false;
    // It called reboot(2) in a PID namespace of its own: that ends the namespace, with SIGHUP for a
    // restart, SIGINT for halt or power off (pid_namespaces(7)).
    bool asked_for_reboot = false;

    bool success() const { return code == 0; }
    std::string describe() const;  // "exit status 3", "killed by signal 9 (Killed): out of memory"
};

// A started program. Move only. The destructor kills everything that still runs in the sandbox,
// reaps the program and removes its cgroup and its network.
class Running {
  public:
    Running(Running&&) noexcept;
    Running& operator=(Running&&) noexcept;
    ~Running();

    pid_t pid() const;
    // A pidfd: readable (poll) when the program has ended. Owned by this object.
    int fd() const;
    // Survived shortcomings for the log, such as limits that this machine cannot enforce.
    const std::vector<std::string>& notes() const;

    // Waits for the program's end. Without a timeout for as long as it takes; with one that passes:
    // error kind limit, and wait may be called again. Later calls give the same status.
    Result<ExitStatus> wait(std::optional<std::chrono::milliseconds> timeout = std::nullopt);

    // SIGKILL to everything in the sandbox, children that outlived the program included. Does not
    // wait. A program stuck in the kernel (dead disk) dies later or never.
    Status kill_all();

    // Gives the program up: it goes on, and its cgroup and network stay. For an agent that ends
    // while an action goes on which was started without die_with_parent.
    void detach() &&;

    struct State;  // of the implementation only

  private:
    friend Result<Running> start(const Plan& plan, std::optional<std::chrono::milliseconds> limit);
    explicit Running(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

// Starts the planned program and returns when it has been executed or has failed to be: the error
// then names the step ("starting the sandbox: mounting /proc: Operation not permitted"). The
// program is killed when the THREAD that called start() ends (PR_SET_PDEATHSIG), unless the
// specification says otherwise: call it from one that lives as long as the action.
// With a limit (10 s is plenty) it gives up on a program that cannot be read, as its disk or server
// is dead: error kind limit. The process is killed, and reaped if it dies within the limit.
Result<Running> start(const Plan& plan,
                      std::optional<std::chrono::milliseconds> limit = std::nullopt);

}  // namespace osiekit::sandbox
