#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "builder/lock/lock.hpp"

namespace osiekit::builder {

// One thing that two locks say differently. What only one of them has is empty on the other side.
struct LockChange {
    std::string kind;  // "package", "request", "file", "program", "variable", "key", "setting"
    std::string name;
    std::string before;  // "6.1-1", or a digest
    std::string after;

    bool operator==(const LockChange&) const = default;
};

// In order of kind (settings, requests, variables, keys, files, programs) and name.
std::vector<LockChange> diff_inputs(const LockInputs& before, const LockInputs& after);
// In order of system and name. The name has its system before it: "debian strace".
std::vector<LockChange> diff_packages(const std::vector<LockedPackage>& before,
                                      const std::vector<LockedPackage>& after);
std::vector<LockChange> diff_locks(const Lock& before, const Lock& after);

// "+ package debian strace 6.1-1", "! package debian jq 1.6-2 -> 1.6-3", a line each.
std::string changes_text(const std::vector<LockChange>& changes);
nlohmann::ordered_json changes_json(const std::vector<LockChange>& changes);

}  // namespace osiekit::builder
