#include "agent/rootfs.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"
#include "lib/oci/copy_layer.hpp"
#include "lib/oci/image_store.hpp"
#include "lib/oci/implied_directories.hpp"
#include "lib/oci/shift_owners.hpp"

namespace osiekit::agent {
namespace {

// The kernel takes the options of mount(2) in one page.
constexpr std::size_t max_mount_options = 4000;

Status make_directory(const std::filesystem::path& path) {
    if (::mkdir(path.c_str(), 0755) != 0) return Error::from_errno("making " + path.string());
    return {};
}

// A layer may stand in an image twice; overlayfs refuses that, and the upper one decides.
std::vector<std::filesystem::path> without_repeats(std::vector<std::filesystem::path> layers) {
    std::vector<std::filesystem::path> topmost;
    for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer)
        if (std::find(topmost.begin(), topmost.end(), *layer) == topmost.end())
            topmost.push_back(*layer);
    return topmost;  // top first, as overlayfs wants them
}

Status mount_overlay(const std::vector<std::filesystem::path>& top_first,
                     const std::filesystem::path& directory, bool metacopy) {
    // By descriptors: short names, and no characters that would need escaping.
    std::vector<Fd> held;
    std::string lower;
    auto name = [&](const std::filesystem::path& path) -> Result<std::string> {
        OSIEKIT_ASSIGN(Fd fd, open_file(path, O_PATH | O_DIRECTORY));
        held.push_back(std::move(fd));
        return "/proc/self/fd/" + std::to_string(held.back().get());
    };
    for (const auto& layer : top_first) {
        OSIEKIT_ASSIGN(std::string text, name(layer));
        lower += (lower.empty() ? "" : ":") + text;
    }
    OSIEKIT_ASSIGN(std::string upper, name(directory / "upper"));
    OSIEKIT_ASSIGN(std::string work, name(directory / "work"));
    std::string options = "lowerdir=" + lower + ",upperdir=" + upper + ",workdir=" + work;
    if (metacopy) options += ",metacopy=on";
    if (options.size() > max_mount_options)
        return Error(ErrorKind::limit, "the image has too many layers for one overlay");
    if (::mount("overlay", (directory / "root").c_str(), "overlay", 0, options.c_str()) != 0)
        return Error::from_errno("mounting an overlay of " + std::to_string(top_first.size()) +
                                 " layers");
    return {};
}

// A line of /proc/meminfo in bytes; without it, no limit.
std::uint64_t memory(std::string_view field) {
    std::uint64_t bytes = std::numeric_limits<std::uint64_t>::max();
    auto text = read_file("/proc/meminfo");
    if (!text) return bytes;
    for (std::string_view line : split(*text, '\n')) {
        auto words = split_words(line);
        if (words.size() < 2 || words[0] != field) continue;
        if (auto kilobytes = parse_u64(words[1])) bytes = *kilobytes * 1024;
    }
    return bytes;
}

}  // namespace

Rootfs::Rootfs(Rootfs&& other) noexcept
    : directory_(std::exchange(other.directory_, {})),
      mounted_(std::exchange(other.mounted_, false)),
      kept_(other.kept_),
      note_(std::move(other.note_)) {}

Rootfs::~Rootfs() {
    if (directory_.empty()) return;
    // Detached: a process stuck in a dead disk must not keep the agent from its next action.
    if (mounted_) ::umount2(root().c_str(), MNT_DETACH);
    if (kept_) return;
    [[maybe_unused]] Status removed = oci::remove_directory(directory_);
}

Result<Rootfs> Rootfs::create(const std::vector<std::filesystem::path>& layers,
                              const std::filesystem::path& directory,
                              const std::optional<sandbox::UserMap>& users) {
    if (layers.empty()) return Error(ErrorKind::invalid_input, "the image has no layers");
    OSIEKIT_TRY(oci::remove_directory(directory));
    OSIEKIT_TRY(make_directory(directory));
    Rootfs rootfs(directory);
    for (const char* name : {"root", "upper", "work"})
        OSIEKIT_TRY(make_directory(directory / name));
    auto top_first = without_repeats(layers);
    // The root of an overlay has the attributes of its upper directory. Without overlayfs this is
    // in vain.
    OSIEKIT_ASSIGN(Fd top, open_file(top_first.front(), O_RDONLY | O_DIRECTORY));
    OSIEKIT_ASSIGN(Fd upper, open_file(directory / "upper", O_RDONLY | O_DIRECTORY));
    OSIEKIT_TRY(oci::copy_attributes(top.get(), upper.get())
                    .context("giving the root what the image says of it"));
    OSIEKIT_TRY(
        oci::restate_directories({top_first.rbegin(), top_first.rend()}, directory / "upper")
            .context("putting the image's folders right"));
    Status mounted = mount_overlay(top_first, directory, users.has_value());
    rootfs.mounted_ = mounted.ok();
    if (mounted) {
        OSIEKIT_TRY(rootfs.give_to(users));
        return rootfs;
    }
    rootfs.note_ = mounted.error().to_string() + "; copying the layers instead";
    for (auto layer = top_first.rbegin(); layer != top_first.rend(); ++layer)
        OSIEKIT_TRY(oci::copy_layer(*layer, rootfs.root()).context("copying the image's layers"));
    OSIEKIT_TRY(rootfs.give_to(users));
    return rootfs;
}

Status Rootfs::give_to(const std::optional<sandbox::UserMap>& users) const {
    if (!users) return {};
    OSIEKIT_ASSIGN(Fd tree, open_file(root(), O_RDONLY | O_DIRECTORY));
    return oci::shift_owners(tree.get(), users->first_user, users->count)
        .context("giving the image's files to the user namespace");
}

Status enter_private_mounts() {
    if (::unshare(CLONE_NEWNS) != 0)
        return Error::from_errno("making a mount namespace").hint("run the agent as root");
    // EINVAL: a chroot whose root is no mount of its own; nothing can be said about it then.
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0 && errno != EINVAL)
        return Error::from_errno("keeping mounts private");
    return {};
}

Result<bool> prepare_store(const std::filesystem::path& path) {
    std::error_code failure;
    std::filesystem::create_directories(path, failure);
    struct statfs status {};
    if (::statfs(path.c_str(), &status) != 0)
        return Error::from_errno("looking at " + path.string());
    bool usable = status.f_type != RAMFS_MAGIC && status.f_type != OVERLAYFS_SUPER_MAGIC;
    if (usable) return false;
    if (::mount("tmpfs", path.c_str(), "tmpfs", MS_NODEV, "mode=0700,size=75%") != 0)
        return Error::from_errno("mounting a tmpfs at " + path.string());
    return true;
}

std::uint64_t unpack_budget(const std::filesystem::path& path) {
    std::uint64_t left = memory("MemAvailable:");
    struct statfs status {};
    if (::statfs(path.c_str(), &status) == 0)
        left = std::min<std::uint64_t>(left, static_cast<std::uint64_t>(status.f_bavail) *
                                                 static_cast<std::uint64_t>(status.f_bsize));
    return left / 4 * 3;
}

std::uint64_t store_budget(const std::filesystem::path& path) {
    std::uint64_t all = memory("MemTotal:");
    struct statfs status {};
    if (::statfs(path.c_str(), &status) == 0)
        all = std::min<std::uint64_t>(all, static_cast<std::uint64_t>(status.f_blocks) *
                                               static_cast<std::uint64_t>(status.f_bsize));
    return all / 4;
}

}  // namespace osiekit::agent
