#pragma once

#include <sys/types.h>

#include <vector>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"
#include "lib/sandbox/sandbox.hpp"

// The parent's part in a user namespace: what the program inside may not do any more.
namespace osiekit::sandbox {

// Copies of the root and of the bound directories, as mounts that are attached nowhere. Paths to
// them may lead through directories that nobody but root enters.
struct PreparedMounts {
    Fd root;                  // none: the child makes all of them itself
    std::vector<Fd> sources;  // one for each mount of the plan; none for a fresh one
};
Result<PreparedMounts> prepare_mounts(const Plan& plan);

// Writes the maps of a process that has just entered a user namespace of its own.
Status write_user_map(pid_t process, const UserMap& users);

// The same for the plan's waiting process, and lets the root's files belong to the users inside.
Status map_users(const Plan& plan, pid_t process, int root_fd);

// As root: more open files than a user namespace may allow itself. Others keep what they have.
void raise_file_limit(pid_t process);

}  // namespace osiekit::sandbox
