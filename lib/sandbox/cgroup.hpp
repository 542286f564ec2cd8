#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/fd.hpp"
#include "lib/sandbox/sandbox.hpp"

namespace osiekit::sandbox {

// The mount point of cgroup version 2 in the text of /proc/self/mountinfo, the first if there are
// several.
std::optional<std::filesystem::path> cgroup2_mount(std::string_view mountinfo);

// One cgroup below osie/. The destructor does nothing: remove() is explicit, as it can wait.
class Cgroup {
  public:
    // Makes BASE/osie/NAME and sets the limits. What the kernel has no controller for is added to
    // `notes` and is not an error.
    static Result<Cgroup> create(const std::filesystem::path& base, const std::string& name,
                                 const Limits& limits, std::vector<std::string>& notes);

    int fd() const { return directory_.get(); }
    const std::filesystem::path& path() const { return path_; }
    // Moves a process into it.
    Status add(pid_t process) const;
    // SIGKILL to all in it, at once (cgroup.kill, Linux 5.14).
    Status kill() const;
    // Did the kernel's memory limit kill a process in it? Ask before remove().
    bool out_of_memory() const;
    // Waits (at most two seconds) until it is empty, then removes it and what was made below it.
    Status remove() const;

  private:
    std::filesystem::path path_;
    Fd directory_;
};

}  // namespace osiekit::sandbox
