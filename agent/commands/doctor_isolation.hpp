#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "agent/commands/doctor.hpp"
#include "lib/base/result.hpp"

// What keeps an action apart from the machine and is not there on every kernel: the network
// `bridge`, and user namespaces. First the facts are found, by trying, then judged.
namespace osiekit::agent {

struct BridgeFacts {
    bool root = false;  // without it there is no trial
    Status trial;       // such a network, made in a network namespace of its own
    bool forwarding_writable = false;
    std::vector<std::string> absent;  // see absent_bridge_modules()
};
Finding judge_bridge(const BridgeFacts& facts);

// Modules that such a network needs and that are neither loaded, nor built in, nor there to be
// loaded. Empty also where the machine has no list of its modules. `root` stands before /sys and
// /lib/modules.
std::vector<std::string> absent_bridge_modules(const std::filesystem::path& root,
                                               const std::string& release);

struct UserNamespaceFacts {
    std::uint32_t user = 0;              // who asks
    std::optional<std::uint64_t> limit;  // user.max_user_namespaces; none: the kernel has no such
    int made = 0;                        // errno of making one; 0: it worked
    int mapped = 0;                      // errno of writing uid_map and gid_map
};
Finding judge_user_namespace(const UserNamespaceFacts& facts);

std::vector<Check> isolation_checks();

}  // namespace osiekit::agent
