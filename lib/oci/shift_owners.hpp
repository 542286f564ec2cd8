#pragma once

#include <sys/types.h>

#include <cstdint>

#include "lib/base/result.hpp"

namespace osiekit::oci {

// Gives every file of the tree, the root included, to the user and group that stand for its owners
// in a user namespace: N becomes first + N. Whatever belongs to first and above is taken for done,
// so names of one file need no care. Contents stay where they are: on an overlay with metacopy only
// the attributes are copied up. Links are not followed; nobody else may change the tree meanwhile.
// Owners of `count` and above are an error of kind unsupported. Set-user-ID bits and file
// capabilities are lost, as chown(2) does.
Status shift_owners(int root_fd, std::uint32_t first, std::uint32_t count);

}  // namespace osiekit::oci
