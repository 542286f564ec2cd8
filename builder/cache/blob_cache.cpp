#include "builder/cache/blob_cache.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "lib/base/file.hpp"

namespace osiekit::builder {

namespace fs = std::filesystem;

namespace {

constexpr mode_t blob_mode = 0444;

// What would change if somebody wrote to the file: the change time cannot be set back by utimes(2).
std::string stamp_of(const struct stat& info) {
    auto nanoseconds = [](const timespec& time) {
        return std::to_string(time.tv_sec) + "." + std::to_string(time.tv_nsec);
    };
    return std::to_string(info.st_size) + " " + nanoseconds(info.st_mtim) + " " +
           nanoseconds(info.st_ctim) + " " + std::to_string(info.st_ino) + "\n";
}

Status make_directory(const fs::path& path) {
    std::error_code failure;
    fs::create_directories(path, failure);
    if (failure)
        return Error(ErrorKind::io, "cannot make " + path.string() + ": " + failure.message())
            .hint("choose another place with --cache DIR");
    return {};
}

}  // namespace

struct BlobCache::Known {
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

BlobCache::BlobCache(fs::path directory)
    : directory_(std::move(directory)), known_(std::make_unique<Known>()) {}
BlobCache::BlobCache(BlobCache&&) noexcept = default;
BlobCache& BlobCache::operator=(BlobCache&&) noexcept = default;
BlobCache::~BlobCache() = default;

Result<BlobCache> BlobCache::open(fs::path directory) {
    BlobCache cache(std::move(directory));
    for (const char* folder : {"blobs/sha256", "stamps", "partial"})
        OSIEKIT_TRY(make_directory(cache.directory_ / folder));
    return cache;
}

fs::path BlobCache::blob_path(const Sha256& digest) const {
    return directory_ / "blobs" / "sha256" / digest.hex();
}

fs::path BlobCache::partial_path(const Sha256& digest) const {
    return directory_ / "partial" / digest.hex();
}

Status BlobCache::remember(const Sha256& digest) {
    struct stat info {};
    fs::path path = blob_path(digest);
    if (::stat(path.c_str(), &info) != 0)
        return Error::from_errno("cannot read the cache entry " + path.string());
    return remember(digest, stamp_of(info));
}

Status BlobCache::remember(const Sha256& digest, const std::string& stamp) {
    {
        std::lock_guard lock(known_->mutex);
        known_->stamps[digest] = stamp;
    }
    return write_file(directory_ / "stamps" / digest.hex(), stamp);
}

bool BlobCache::remembered(const Sha256& digest, const std::string& stamp) {
    {
        std::lock_guard lock(known_->mutex);
        auto it = known_->stamps.find(digest);
        if (it != known_->stamps.end() && it->second == stamp) return true;
    }
    auto written = read_file(directory_ / "stamps" / digest.hex(), 1024);
    if (!written || *written != stamp) return false;
    std::lock_guard lock(known_->mutex);
    known_->stamps[digest] = stamp;
    return true;
}

Result<std::optional<fs::path>> BlobCache::find(const Sha256& digest) {
    fs::path path = blob_path(digest);
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) {
        if (errno == ENOENT) return std::optional<fs::path>();
        return Error::from_errno("cannot read the cache entry " + path.string());
    }
    if (S_ISREG(info.st_mode)) {
        std::string stamp = stamp_of(info);
        if (remembered(digest, stamp)) return std::optional(path);
        OSIEKIT_ASSIGN(Sha256 got, Sha256::of_file(path));
        if (got == digest) {
            OSIEKIT_TRY(remember(digest, stamp));
            return std::optional(path);
        }
    }
    std::error_code failure;
    fs::remove_all(path, failure);
    if (failure)
        return Error(ErrorKind::io, "cannot remove the damaged cache entry " + path.string() +
                                        ": " + failure.message());
    return std::optional<fs::path>();
}

Result<fs::path> BlobCache::put(std::string_view content, const Sha256& digest) {
    OSIEKIT_ASSIGN(auto present, find(digest));
    if (present) return *present;
    fs::path path = blob_path(digest);
    OSIEKIT_TRY(write_file(path, content, blob_mode));
    OSIEKIT_TRY(remember(digest));
    return path;
}

Result<fs::path> BlobCache::adopt(const fs::path& file, const Sha256& digest) {
    OSIEKIT_ASSIGN(Fd fd, open_file(file, O_RDONLY));
    if (::fchmod(fd.get(), blob_mode) != 0)
        return Error::from_errno("cannot set the mode of " + file.string());
    if (::fsync(fd.get()) != 0) return Error::from_errno("cannot flush " + file.string());
    fs::path path = blob_path(digest);
    if (::rename(file.c_str(), path.c_str()) != 0)
        return Error::from_errno("cannot move a download to " + path.string());
    OSIEKIT_TRY(remember(digest));
    return path;
}

}  // namespace osiekit::builder
