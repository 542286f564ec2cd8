#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

// What happens between clone3 and execve. The agent has threads, so another thread may have held
// the allocator's lock at the moment of the clone: from there on only system calls on memory that
// the parent prepared, no allocation, no C++ library, no glibc function that takes locks or tells
// threads.
namespace osiekit::sandbox {

// Old programs use select() on what they get as soft limit; new ones raise it to the hard one.
inline constexpr std::uint64_t soft_files = 1024;
inline constexpr std::uint64_t hard_files = 1U << 20U;

// The steps of the child, for errors. `index` of a failure counts mounts, paths or devices.
enum class Step : std::uint32_t {
    parent_gone,
    inner_root,
    session,
    cgroup_namespace,
    loopback,
    card,
    private_mounts,
    root_parent,
    root,
    mount_source,
    mount_target,
    mount_attributes,
    mount_attach,
    mount_in_proc,
    device,
    device_link,
    null_device,
    mask,
    read_only,
    pivot,
    hostname,
    standard_streams,
    close_on_exec,
    working_directory,
    resource_limits,
    bounding_set,
    groups,
    user,
    capabilities,
    no_new_privileges,
    system_call_filter,
    parent_death_signal,
    executable,
    execute
};

// What the child writes to the error pipe before it gives up; nothing when execve succeeded.
struct Failure {
    Step step;
    std::uint32_t index;
    std::int32_t error;
};

struct ChildMount {
    bool fresh;
    bool recursive;
    bool from_spec;
    bool optional;
    bool source_without_links;
    const char* source;  // type, or path
    const char* target;  // relative to the root: "dev/pts"
    int source_fd;       // the copy of a bind's source that the parent has made; -1: none
    std::uint64_t attributes;
    const char* const* options;  // key, value, key, value, null; an empty value is a flag
};

// Plain data; everything points into memory that the parent keeps until the child has executed.
struct ChildPlan {
    int go_fd;        // end of file: the parent is gone
    int go_write_fd;  // the parent's ends, which the child closes first
    int error_read_fd;
    int error_fd;  // close-on-exec
    int out_fd;
    int err_fd;
    bool root_is_initial;  // the machine's root is the initramfs, which has no parent mount
    bool own_users;        // a user namespace: become its root first
    bool set_groups;       // false where a user namespace forbids it
    int root_fd;           // the copy of rootfs that the parent has made; -1: none
    bool own_network;
    // Of the card eth0, in network order; 0: there is none.
    std::uint32_t card_address;
    std::uint32_t card_netmask;
    std::uint32_t card_gateway;
    const char* rootfs;
    std::uint64_t root_attributes;
    const ChildMount* mounts;
    std::size_t mount_count;
    bool device_nodes;
    const char* const* masked;  // null-terminated; relative to the root
    const char* const* read_only;
    bool die_with_parent;
    const char* hostname;  // null: keep
    std::size_t hostname_length;
    const char* cwd;
    std::uint64_t capabilities;
    const gid_t* groups;
    std::size_t group_count;
    uid_t uid;
    gid_t gid;
    bool no_new_privileges;
    std::array<sock_fprog, 2> filters;
    const char* const* candidates;  // null-terminated: paths of the program to try in order
    char* const* argv;
    char* const* env;
};

// A copy of the tree at `path` as a mount that is attached nowhere; recursive: with what is mounted
// below. -1 and errno on failure. Of the parent too: what it can open, a user namespace may not.
int clone_source(const char* path, bool recursive, bool without_links);

// Makes the directory at the absolute path, with those above it, and opens it as a place (O_PATH).
// -1 and errno on failure. Of the parent.
int make_source(const char* path, bool without_links);

// Reports and ends the process.
[[noreturn]] void give_up(const ChildPlan& plan, Step step, std::size_t index, int error);

// Switches on what the network namespace has: loopback, and the card if there is one.
void set_up_network(const ChildPlan& plan);

// Everything about mounts, up to and with the new root. Gives an open /dev/null.
int set_up_mounts(const ChildPlan& plan);

// The directory inside the new root, made if missing; links of the image count, but magic ones
// (/proc/self/fd) do not. -1 and errno on failure.
int open_working_directory(const char* path);

[[noreturn]] void run_child(const ChildPlan& plan);

}  // namespace osiekit::sandbox
