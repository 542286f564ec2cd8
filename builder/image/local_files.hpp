#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "builder/linking/host_libraries.hpp"
#include "builder/profile/profile.hpp"
#include "builder/tree.hpp"
#include "lib/base/digest.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// A tree of the profile as it is on this machine.
struct LocalTree {
    Tree tree;
    std::vector<std::string> warnings;
};

// What one run takes from this machine, each looked at once by all who need it: the lock that is
// compared, the segments, the manifest. What is hashed is so what is packed (LocalFile). Thread
// safe.
class LocalFiles {
  public:
    // Errors: those of FileContent::file().
    Result<FileContent> file(const std::filesystem::path& path) const;
    // Errors: those of source_tree().
    Result<LocalTree> tree(const TreeSpec& spec) const;
    // Of its names, modes, links and content, as locks have it.
    Result<Sha256> tree_digest(const TreeSpec& spec) const;
    // Errors: those of host_libraries(). Always of the same profile.
    Result<std::vector<HostLibrary>> libraries(const Profile& profile) const;

  private:
    mutable std::mutex mutex_;
    mutable std::map<std::filesystem::path, FileContent> files_;
    mutable std::map<std::string, LocalTree> trees_;  // by all that a specification says
    mutable std::map<std::string, Sha256> digests_;
    mutable std::optional<std::vector<HostLibrary>> libraries_;
};

}  // namespace osiekit::builder
