// What a plan needs of the machine before anything is started.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/sandbox/start_internal.hpp"

namespace osiekit::sandbox {
namespace {

// Whose a source is that is made for the program; none: this process's.
std::optional<std::pair<uid_t, gid_t>> owner_of_made(const SandboxSpec& spec) {
    if (spec.users) return std::pair(spec.users->first_user, spec.users->first_group);
    if (spec.shares_root) return std::pair(spec.uid, spec.gid);
    return std::nullopt;
}

Status make(const PlannedMount& mount, const SandboxSpec& spec) {
    // Making it must not follow a link either; the child looks again when it mounts.
    Fd made(make_source(mount.source.c_str(), mount.source_without_links));
    if (!made && errno == ELOOP && mount.source_without_links)
        return Error(ErrorKind::refused,
                     "the volume's source " + mount.source + " leads through a symbolic link")
            .hint("links are not followed here: name the place itself");
    if (!made) return Error::from_errno("cannot make the volume's source " + mount.source);
    auto owner = owner_of_made(spec);
    if (owner && ::fchownat(made.get(), "", owner->first, owner->second, AT_EMPTY_PATH) != 0)
        return Error::from_errno("cannot give away the volume's source " + mount.source);
    return {};
}

}  // namespace

Status check_machine(const Plan& plan) {
    struct stat root {};
    if (::stat(plan.spec.rootfs.c_str(), &root) != 0 || !S_ISDIR(root.st_mode))
        return Error(ErrorKind::not_found,
                     "the root directory " + plan.spec.rootfs.string() + " is no directory");
    for (const PlannedMount& mount : plan.mounts) {
        struct stat source {};
        if (mount.kind != PlannedMount::Kind::bind || ::stat(mount.source.c_str(), &source) == 0)
            continue;
        if (!mount.create_source)
            return Error(ErrorKind::not_found,
                         "the volume's source " + mount.source + " does not exist");
        OSIEKIT_TRY(make(mount, plan.spec));
    }
    return {};
}

}  // namespace osiekit::sandbox
