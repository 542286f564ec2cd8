#include "builder/cache/lease.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mutex>
#include <string>
#include <tuple>

#include "builder/cache/layout.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t largest_lease = 64ULL << 20U;

Status wait_for_lock(int fd, int operation, const fs::path& file) {
    while (::flock(fd, operation) != 0)
        if (errno != EINTR) return Error::from_errno("cannot lock " + file.string());
    return {};
}

bool cannot_write(int number) {
    return number == EROFS || number == EACCES || number == EPERM;
}

bool before(const timespec& a, const timespec& b) {
    return std::tie(a.tv_sec, a.tv_nsec) < std::tie(b.tv_sec, b.tv_nsec);
}

// "SECONDS NANOSECONDS", then digests. What a killed process wrote last may be cut short.
void read_lease(std::string_view text, LiveLeases& live) {
    bool first = true;
    for (std::string_view line : split(text, '\n')) {
        if (first) {
            auto words = split_words(line);
            timespec begun{};
            if (words.size() == 2) {
                begun.tv_sec = static_cast<time_t>(parse_u64(words[0]).value_or(0));
                begun.tv_nsec = static_cast<long>(parse_u64(words[1]).value_or(0));
            }
            if (live.count == 1 || before(begun, live.since)) live.since = begun;
        } else if (auto digest = Sha256::parse(line)) {
            live.digests.insert(*digest);
        }
        first = false;
    }
}

}  // namespace

Result<CacheLock> CacheLock::take(const fs::path& cache, Mode mode) {
    fs::path file = cache / "lock";
    bool shared = mode == Mode::shared;
    Fd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (!fd && shared && cannot_write(errno)) {
        fd = Fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
        if (!fd) return CacheLock(Fd());
    }
    if (!fd) return Error::from_errno("cannot open " + file.string());
    OSIEKIT_TRY(wait_for_lock(fd.get(), shared ? LOCK_SH : LOCK_EX, file));
    return CacheLock(std::move(fd));
}

struct Lease::State {
    fs::path file;
    Fd fd;
    mutable std::mutex mutex;
    std::set<Sha256> digests;

    ~State() {
        if (fd) ::unlink(file.c_str());
    }
};

Lease::Lease(std::unique_ptr<State> state) : state_(std::move(state)) {}
Lease::Lease(Lease&&) noexcept = default;
Lease& Lease::operator=(Lease&&) noexcept = default;
Lease::~Lease() = default;

Result<Lease> Lease::begin(const fs::path& cache) {
    std::vector<fs::path> dead;
    {
        OSIEKIT_ASSIGN(auto lock, CacheLock::take(cache, CacheLock::Mode::shared));
        OSIEKIT_TRY(live_leases(cache, &dead));
    }
    auto state = std::make_unique<State>();
    std::string pattern = (cache / lease_folder / "XXXXXX").string();
    if (!dead.empty()) {
        // A cache that cannot be written is used as it is.
        auto lock = CacheLock::take(cache, CacheLock::Mode::exclusive);
        if (lock) OSIEKIT_TRY(sweep_left_overs(cache, true));
    }
    OSIEKIT_ASSIGN(auto lock, CacheLock::take(cache, CacheLock::Mode::shared));
    state->fd = Fd(::mkostemp(pattern.data(), O_CLOEXEC | O_APPEND));
    if (!state->fd) {
        if (cannot_write(errno)) return Lease(std::move(state));
        return Error::from_errno("cannot make " + pattern).context("taking the cache into use");
    }
    state->file = pattern;
    // Others who use the cache have to see whether it is held.
    constexpr mode_t readable = 0644;
    if (::fchmod(state->fd.get(), readable) != 0)
        return Error::from_errno("cannot set the mode of " + pattern);
    OSIEKIT_TRY(wait_for_lock(state->fd.get(), LOCK_EX, pattern));
    struct stat info {};
    if (::fstat(state->fd.get(), &info) != 0) return Error::from_errno("cannot examine " + pattern);
    OSIEKIT_TRY(write_all(state->fd.get(), std::to_string(info.st_mtim.tv_sec) + " " +
                                               std::to_string(info.st_mtim.tv_nsec) + "\n")
                    .context("taking the cache into use"));
    return Lease(std::move(state));
}

Status Lease::add(const Sha256& digest) {
    std::lock_guard lock(state_->mutex);
    if (!state_->digests.insert(digest).second || !state_->fd) return {};
    return write_all(state_->fd.get(), digest.hex() + "\n")
        .context("writing to " + state_->file.string());
}

bool Lease::has(const Sha256& digest) const {
    std::lock_guard lock(state_->mutex);
    return state_->digests.count(digest) != 0;
}

bool LiveLeases::may_use(const timespec& time) const {
    return count > 0 && !before(time, since);
}

Result<LiveLeases> live_leases(const fs::path& cache, std::vector<fs::path>* dead) {
    LiveLeases live;
    std::error_code failure;
    for (const auto& entry : fs::directory_iterator(cache / lease_folder, failure)) {
        Fd fd(::open(entry.path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
        if (!fd) {
            if (errno == ENOENT) continue;  // it has just ended
            if (errno == EACCES) {          // somebody else's: it may name everything
                ++live.count;
                live.since = {};
                continue;
            }
            return Error::from_errno("cannot read " + entry.path().string());
        }
        if (::flock(fd.get(), LOCK_SH | LOCK_NB) == 0) {
            if (dead != nullptr) dead->push_back(entry.path());
            continue;
        }
        OSIEKIT_ASSIGN(std::string text, read_all(fd.get(), largest_lease));
        ++live.count;
        read_lease(text, live);
    }
    if (failure && failure != std::errc::no_such_file_or_directory)
        return Error(ErrorKind::io,
                     "cannot read " + (cache / lease_folder).string() + ": " + failure.message());
    return live;
}

Result<std::vector<LeftOver>> sweep_left_overs(const fs::path& cache, bool remove) {
    std::vector<fs::path> found;
    OSIEKIT_ASSIGN(LiveLeases live, live_leases(cache, &found));
    for (const fs::path& folder : all_folders(cache)) {
        std::error_code failure;
        for (const auto& entry : fs::directory_iterator(folder, failure)) {
            struct stat info {};
            if (is_pending_name(entry.path().filename().string()) &&
                ::lstat(entry.path().c_str(), &info) == 0 && S_ISREG(info.st_mode) &&
                !live.may_use(info.st_mtim))
                found.push_back(entry.path());
        }
        if (failure && failure != std::errc::no_such_file_or_directory)
            return Error(ErrorKind::io,
                         "cannot read " + folder.string() + ": " + failure.message());
    }
    std::vector<LeftOver> left;
    for (const fs::path& file : found) {
        struct stat info {};
        if (::lstat(file.c_str(), &info) != 0) continue;
        if (remove && ::unlink(file.c_str()) != 0 && errno != ENOENT)
            return Error::from_errno("cannot remove " + file.string());
        left.push_back({file, static_cast<std::uint64_t>(info.st_size)});
    }
    return left;
}

}  // namespace osiekit::builder
