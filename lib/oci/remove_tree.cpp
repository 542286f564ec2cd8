// Removal of trees that strangers have made: as deep as they like, with a bounded number of
// descriptors and of calls on the stack.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <utility>
#include <vector>

#include "lib/base/text.hpp"
#include "lib/oci/tree_at.hpp"

namespace osiekit::oci {
namespace {

// Directories that stay open while one below them is emptied. Those further up are opened again,
// through "..", when their turn comes.
constexpr std::size_t most_open = 16;

struct CloseDirectory {
    void operator()(DIR* listing) const { ::closedir(listing); }
};

struct Level {
    std::string name;  // in the level above
    dev_t device = 0;
    ino_t inode = 0;
    std::unique_ptr<DIR, CloseDirectory> listing;  // null: closed meanwhile
};

Error failed(const std::string& what, const std::string& name) {
    return Error::from_errno(what + " " + printable(name));
}

class Remover {
  public:
    Status run(int parent, const std::string& name) {
        OSIEKIT_ASSIGN(bool gone, remove_simple(parent, name));
        if (gone) return {};
        OSIEKIT_TRY(enter(parent, name));
        while (!levels_.empty()) {
            DIR* listing = levels_.back().listing.get();
            errno = 0;
            dirent* entry = ::readdir(listing);
            if (entry == nullptr) {
                if (errno != 0) return failed("listing", levels_.back().name);
                OSIEKIT_TRY(leave(parent));
                continue;
            }
            std::string child = entry->d_name;
            if (child == "." || child == "..") continue;
            OSIEKIT_ASSIGN(gone, remove_simple(::dirfd(listing), child));
            if (!gone) OSIEKIT_TRY(enter(::dirfd(listing), child));
        }
        return {};
    }

  private:
    // False: a directory that is not empty.
    static Result<bool> remove_simple(int parent, const std::string& name) {
        if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return true;
        if (errno != EISDIR && errno != EPERM) return failed("removing", name);
        if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 || errno == ENOENT) return true;
        if (errno == ENOTEMPTY || errno == EEXIST) return false;
        return failed("removing", name);
    }

    static Status open_listing(Level& level, int fd) {
        if (fd < 0) return failed("opening for removal", level.name);
        Fd owned(fd);
        struct stat status {};
        if (::fstat(fd, &status) != 0) return failed("looking at", level.name);
        bool again = level.inode != 0;
        if (again && (status.st_ino != level.inode || status.st_dev != level.device))
            return Error(ErrorKind::io,
                         printable(level.name) + " was moved while it was being removed");
        level.device = status.st_dev;
        level.inode = status.st_ino;
        level.listing.reset(::fdopendir(fd));
        if (!level.listing) return failed("listing", level.name);
        [[maybe_unused]] int taken = owned.release();
        return {};
    }

    Status enter(int parent, const std::string& name) {
        Level level;
        level.name = name;
        OSIEKIT_TRY(open_listing(level, ::openat(parent, name.c_str(),
                                                 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)));
        levels_.push_back(std::move(level));
        if (levels_.size() > most_open) levels_[levels_.size() - 1 - most_open].listing.reset();
        return {};
    }

    // The deepest directory is empty: removes it and goes on with the one above.
    Status leave(int top) {
        Level done = std::move(levels_.back());
        levels_.pop_back();
        int parent = top;
        if (!levels_.empty()) {
            Level& above = levels_.back();
            if (!above.listing)
                OSIEKIT_TRY(open_listing(above, ::openat(::dirfd(done.listing.get()), "..",
                                                         O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
            parent = ::dirfd(above.listing.get());
        }
        done.listing.reset();
        if (::unlinkat(parent, done.name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
            return failed("removing", done.name);
        return {};
    }

    std::vector<Level> levels_;
};

}  // namespace

Status remove_tree_at(int directory_fd, const std::string& name) {
    return Remover().run(directory_fd, name);
}

}  // namespace osiekit::oci
