#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"

// File operations below a directory that strangers' archives have filled. Names are resolved by the
// kernel with RESOLVE_IN_ROOT: symbolic links, absolute ones too, lead inside the root and never
// out of it; there is no window between looking and using (openat2(2), Linux 5.6).
namespace osiekit::oci {

// Opens `path` (relative, "" and "." are the root itself) below root_fd. Flags as for open(2);
// close-on-exec is added. The last component is followed unless O_NOFOLLOW is given.
Result<Fd> open_in_root(int root_fd, const std::string& path, int flags, mode_t mode = 0);

// Reads a regular file of the tree, at most `limit` bytes. Kind not_found if it is missing,
// invalid_input if it is not a regular file (CVE-2024-9676: a FIFO or a link to elsewhere).
Result<std::string> read_file_in_root(int root_fd, const std::string& path, std::uint64_t limit);

// Removes NAME (one component) from the directory, with everything below it, never following a
// link: any depth, with a bounded number of descriptors. A missing one is not an error. Nobody else
// may move directories in it meanwhile.
Status remove_tree_at(int directory_fd, const std::string& name);

// mkdir -p below the root, mode 0755; gives the directory opened with O_PATH. `made`: gets those
// that were not there, as path_in_root() has them.
Result<Fd> make_directories_in_root(int root_fd, const std::string& path,
                                    std::vector<std::string>* made = nullptr);

// The names in an open directory, without "." and "..", in no order. Kind io.
Result<std::vector<std::string>> names_in(int directory_fd);

// Where an open directory is below the root: relative, no links in it, "" for the root itself;
// nullopt: deeper than the kernel has words for (PATH_MAX).
Result<std::optional<std::string>> path_in_root(int root_fd, int directory_fd);

}  // namespace osiekit::oci
