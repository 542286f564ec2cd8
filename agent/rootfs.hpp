#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/sandbox/sandbox.hpp"

namespace osiekit::agent {

// The root of one action, stacked from the layers of its image: an overlay mount whose changes go
// to the action's own directory, or, where the kernel has no overlayfs, a copy of the layers. The
// destructor unmounts and removes it. Needs root.
class Rootfs {
  public:
    // `layers`: directories in overlayfs form, lowest first. `directory` is made and owned.
    // `users`: of a user namespace to whom the files are to belong. Debian 12's kernel shows no
    // files of a tmpfs as somebody else's, so their owners are changed: on an overlay only what
    // describes a file is copied for that.
    static Result<Rootfs> create(const std::vector<std::filesystem::path>& layers,
                                 const std::filesystem::path& directory,
                                 const std::optional<sandbox::UserMap>& users);
    Rootfs(Rootfs&& other) noexcept;
    Rootfs& operator=(Rootfs&&) = delete;
    ~Rootfs();

    std::filesystem::path root() const { return directory_ / "root"; }
    const std::filesystem::path& directory() const { return directory_; }
    // Leaves the directory where it is when this ends: what the program changed is in upper/ (or,
    // of a copy, in root/).
    void keep() { kept_ = true; }
    // Why the layers were copied; empty for an overlay.
    const std::string& note() const { return note_; }

  private:
    Status give_to(const std::optional<sandbox::UserMap>& users) const;
    explicit Rootfs(std::filesystem::path directory) : directory_(std::move(directory)) {}
    std::filesystem::path directory_;
    bool mounted_ = false;
    bool kept_ = false;
    std::string note_;
};

// Lets the agent's mounts be its own: a mount namespace that still receives the machine's mounts.
// Call before any thread exists.
Status enter_private_mounts();

// Makes sure that images can be unpacked at `path`: where the file system is a ramfs (no extended
// attributes, no limit) or an overlay (cannot carry another one), a tmpfs is mounted there. True if
// it was.
Result<bool> prepare_store(const std::filesystem::path& path);

// How many bytes a layer may unpack to: three quarters of what the machine and the file system at
// `path` have left.
std::uint64_t unpack_budget(const std::filesystem::path& path);

// How many bytes of layers stay between two workflows: a quarter of the machine's memory, or of the
// file system at `path` if that is smaller.
std::uint64_t store_budget(const std::filesystem::path& path);

}  // namespace osiekit::agent
