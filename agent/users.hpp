#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"

namespace osiekit::agent {

// Who a program of an image runs as.
struct UserIdentity {
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups;  // supplementary: from the image's groups if User names none
    std::string home = "/";
};

inline constexpr std::uint64_t max_user_file_bytes = 10U << 20U;

// Looks up the User of an image configuration: "", user, uid, user:group and mixes, names in the
// image's own files, numbers need no entry (image-spec conversion). Strict: trailing text is an
// error (CVE-2026-30892). `passwd` and `group` are the contents of the files, empty if missing.
Result<UserIdentity> look_up_user(std::string_view user, std::string_view passwd,
                                  std::string_view group);

// The same with the files of an image's root; they are read inside it, regular files only.
Result<UserIdentity> look_up_user_in_root(std::string_view user, int root_fd);

}  // namespace osiekit::agent
