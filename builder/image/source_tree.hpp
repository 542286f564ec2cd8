#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "builder/profile/profile.hpp"
#include "builder/tree.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// What a tree of the profile may have; anything above is an error of kind limit.
struct SourceTreeLimits {
    std::uint64_t entries = 400'000;
    std::uint64_t file_size = 512ULL << 20U;    // of one file of a tar archive
    std::uint64_t unpacked_size = 1ULL << 30U;  // of all files of a tar archive
    std::uint64_t archive_size = 1ULL << 30U;   // of the tar archive itself
};

// The files of a local directory or tar archive (plain, gz, xz or zst), placed below spec.path.
// A directory's files are 0644, or 0755 if their owner may execute them, directories 0755, so that
// the build machine's umask does not matter; an archive's modes and owners are taken as they are;
// spec.owner stands over both. Extended attributes (capabilities too) have no place in a cpio
// archive: each file with one adds to `warnings`. Errors name the source and the path: refused (a
// symlink or name that leads out of the root), unsupported (sockets, FIFOs), limit, invalid_input,
// io.
Result<Tree> source_tree(const TreeSpec& spec, std::vector<std::string>& warnings,
                         const SourceTreeLimits& limits = {});

}  // namespace osiekit::builder
