#include "builder/cache/blob_cache.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "builder/cache/entry.hpp"
#include "builder/cache/layout.hpp"
#include "builder/cache/lease.hpp"
#include "builder/cache/record.hpp"
#include "lib/base/file.hpp"

namespace osiekit::builder {

namespace fs = std::filesystem;

namespace {

constexpr mode_t blob_mode = 0444;
// How often a damaged entry may be replaced by another damaged one while we look.
constexpr int most_looks = 8;

Status make_directory(const fs::path& path) {
    std::error_code failure;
    fs::create_directories(path, failure);
    // Nothing is written to what cannot be written, but it may be used.
    bool may_not_write =
        failure == std::errc::read_only_file_system || failure == std::errc::permission_denied;
    std::error_code unseen;
    if (may_not_write && fs::exists(path.parent_path(), unseen)) return {};
    if (failure)
        return Error(ErrorKind::io, "cannot make " + path.string() + ": " + failure.message())
            .hint("choose another place with --cache DIR");
    return {};
}

}  // namespace

struct BlobCache::Known {
    explicit Known(Lease taken) : lease(std::move(taken)) {}
    Lease lease;
    std::mutex mutex;
    std::map<Sha256, std::string> stamps;  // verified by this process
};

fs::path default_cache_directory() {
    auto variable = [](const char* name) {
        const char* value = std::getenv(name);
        return value != nullptr && value[0] == '/' ? fs::path(value) : fs::path();
    };
    if (auto cache = variable("XDG_CACHE_HOME"); !cache.empty()) return cache / "osiekit";
    if (auto home = variable("HOME"); !home.empty()) return home / ".cache" / "osiekit";
    return "/tmp/osiekit-cache-" + std::to_string(::getuid());
}

BlobCache::BlobCache(fs::path directory, std::unique_ptr<Known> known)
    : directory_(std::move(directory)), known_(std::move(known)) {}
BlobCache::BlobCache(BlobCache&&) noexcept = default;
BlobCache& BlobCache::operator=(BlobCache&&) noexcept = default;
BlobCache::~BlobCache() = default;

Result<BlobCache> BlobCache::open(fs::path directory) {
    for (std::string_view folder : {blob_folder, stamp_folder, partial_folder, lease_folder})
        OSIEKIT_TRY(make_directory(directory / folder));
    OSIEKIT_ASSIGN(Lease lease, Lease::begin(directory));
    return BlobCache(std::move(directory), std::make_unique<Known>(std::move(lease)));
}

fs::path BlobCache::blob_path(const Sha256& digest) const {
    return directory_ / blob_folder / digest.hex();
}

fs::path BlobCache::stamp_path(const Sha256& digest) const {
    return directory_ / stamp_folder / digest.hex();
}

fs::path BlobCache::partial_path(const Sha256& digest) const {
    return directory_ / partial_folder / digest.hex();
}

Status BlobCache::take_into_use(const Sha256& digest) {
    if (known_->lease.has(digest)) return {};
    OSIEKIT_ASSIGN(auto lock, CacheLock::take(directory_, CacheLock::Mode::shared));
    return known_->lease.add(digest);
}

// A stamp saves work and is no more; a cache that cannot be written has the old ones.
Status BlobCache::remember(const Sha256& digest, const std::string& stamp, const BlobNote& note) {
    {
        std::lock_guard lock(known_->mutex);
        known_->stamps[digest] = stamp;
    }
    Status written = write_file(stamp_path(digest), stamp_text({stamp, note}));
    if (written) return {};
    int number = written.error().error_number();
    if (number == EROFS || number == EACCES || number == EPERM) return {};
    return written;
}

Status BlobCache::remember_new(const Sha256& digest, const BlobNote& note) {
    struct stat info {};
    fs::path path = blob_path(digest);
    if (::stat(path.c_str(), &info) != 0)
        return Error::from_errno("cannot read the cache entry " + path.string());
    return remember(digest, stamp_of(info), note);
}

bool BlobCache::remembered(const Sha256& digest, const std::string& stamp) {
    {
        std::lock_guard lock(known_->mutex);
        auto it = known_->stamps.find(digest);
        if (it != known_->stamps.end() && it->second == stamp) return true;
    }
    fs::path file = stamp_path(digest);
    if (read_stamp(file).stamp != stamp) return false;
    note_use(file);
    std::lock_guard lock(known_->mutex);
    known_->stamps[digest] = stamp;
    return true;
}

Result<BlobCache::Found> BlobCache::judge(const Sha256& digest) {
    fs::path path = blob_path(digest);
    Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!fd) {
        if (errno == ENOENT) return Found::absent;
        return Error::from_errno("cannot read the cache entry " + path.string());
    }
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0)
        return Error::from_errno("cannot examine the cache entry " + path.string());
    OSIEKIT_ASSIGN(Sha256 got, digest_of(fd.get(), path));
    if (got == digest) {
        OSIEKIT_TRY(remember(digest, stamp_of(info), read_stamp(stamp_path(digest)).note));
        return Found::good;
    }
    OSIEKIT_TRY(remove_damaged(directory_, path, {}, fd));
    return Found::damaged;
}

Result<BlobCache::Found> BlobCache::look(const Sha256& digest) {
    fs::path path = blob_path(digest);
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) {
        if (errno == ENOENT) return Found::absent;
        return Error::from_errno("cannot read the cache entry " + path.string());
    }
    if (!S_ISREG(info.st_mode)) {
        OSIEKIT_TRY(remove_damaged(directory_, path, {}, Fd()));
        return Found::damaged;
    }
    if (remembered(digest, stamp_of(info))) return Found::good;
    return judge(digest);
}

Result<std::optional<fs::path>> BlobCache::find(const Sha256& digest) {
    OSIEKIT_TRY(take_into_use(digest));
    for (int i = 0; i < most_looks; ++i) {
        OSIEKIT_ASSIGN(Found found, look(digest));
        if (found == Found::absent) break;
        if (found == Found::good) return std::optional(blob_path(digest));
    }
    return std::optional<fs::path>();
}

Result<fs::path> BlobCache::put(std::string_view content, const Sha256& digest,
                                const BlobNote& note) {
    OSIEKIT_ASSIGN(auto present, find(digest));
    if (present) return *present;
    fs::path path = blob_path(digest);
    OSIEKIT_ASSIGN(PendingFile file, PendingFile::create(path, blob_mode));
    OSIEKIT_TRY(write_all(file.fd(), content).context("writing " + path.string()));
    {
        OSIEKIT_ASSIGN(auto lock, CacheLock::take(directory_, CacheLock::Mode::shared));
        OSIEKIT_TRY(file.commit());
    }
    OSIEKIT_TRY(remember_new(digest, note));
    return path;
}

Result<fs::path> BlobCache::adopt(const fs::path& file, const Sha256& digest,
                                  const BlobNote& note) {
    OSIEKIT_ASSIGN(Fd fd, open_file(file, O_RDONLY));
    if (::fchmod(fd.get(), blob_mode) != 0)
        return Error::from_errno("cannot set the mode of " + file.string());
    if (::fsync(fd.get()) != 0) return Error::from_errno("cannot flush " + file.string());
    fs::path path = blob_path(digest);
    {
        OSIEKIT_ASSIGN(auto lock, CacheLock::take(directory_, CacheLock::Mode::shared));
        OSIEKIT_TRY(known_->lease.add(digest));
        if (::rename(file.c_str(), path.c_str()) != 0)
            return Error::from_errno("cannot move a download to " + path.string());
    }
    OSIEKIT_TRY(remember_new(digest, note));
    return path;
}

}  // namespace osiekit::builder
