#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/sandbox/sandbox.hpp"

// What each level gets, apart from system calls (syscalls.hpp), as tables.
namespace osiekit::sandbox {

std::uint64_t level_capabilities(Level level);
// "CAP_SYS_ADMIN"; "CAP_99" for a number this build has no name for.
std::string capability_name(unsigned number);

std::vector<PlannedMount> default_mounts(Level level);
// What covers the places of the machine's own root that programs write to (shares_root).
std::vector<PlannedMount> private_mounts();
// Paths that answer as empty, and paths below which nothing can be written. Empty for host.
std::vector<std::string> masked_paths(Level level);
std::vector<std::string> read_only_paths(Level level);

struct DeviceNode {
    const char* name;
    unsigned major;
    unsigned minor;
};
struct DeviceLink {
    const char* name;
    const char* target;
};
// Constants without constructors: they are read between clone and execve.
inline constexpr std::array<DeviceNode, 6> harmless_devices = {{{"null", 1, 3},
                                                                {"zero", 1, 5},
                                                                {"full", 1, 7},
                                                                {"random", 1, 8},
                                                                {"urandom", 1, 9},
                                                                {"tty", 5, 0}}};
inline constexpr std::array<DeviceLink, 6> device_links = {{{"fd", "/proc/self/fd"},
                                                            {"stdin", "/proc/self/fd/0"},
                                                            {"stdout", "/proc/self/fd/1"},
                                                            {"stderr", "/proc/self/fd/2"},
                                                            {"core", "/proc/kcore"},
                                                            {"ptmx", "pts/ptmx"}}};

}  // namespace osiekit::sandbox
