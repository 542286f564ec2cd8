#include "builder/cache/collect.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <tuple>

#include "lib/base/fd.hpp"

namespace osiekit::builder {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t seconds_a_day = 86400;
// Entries that are removed under one exclusive lock.
constexpr std::size_t batch = 64;

bool earlier(const timespec& a, const timespec& b) {
    return std::tie(a.tv_sec, a.tv_nsec) < std::tie(b.tv_sec, b.tv_nsec);
}

bool same(const timespec& a, const timespec& b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

// A download is locked by who is at it.
bool is_locked(const fs::path& file) {
    Fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    return fd && ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0;
}

// False: somebody has taken it into use since it was chosen.
Result<bool> remove_entry(const fs::path& cache, const CacheEntry& entry, const LiveLeases& live) {
    timespec last_use = last_use_of(cache, entry);
    if (!same(last_use, entry.last_use) || live.may_use(last_use) ||
        (entry.digest && live.digests.count(*entry.digest) != 0))
        return false;
    if (entry.place == EntryPlace::download && is_locked(entry.file)) return false;
    std::error_code failure;
    fs::remove_all(entry.file, failure);
    if (failure)
        return Error(ErrorKind::io,
                     "cannot remove " + entry.file.string() + ": " + failure.message());
    fs::path stamp = stamp_of_entry(cache, entry);
    if (!stamp.empty()) ::unlink(stamp.c_str());
    return true;
}

Status remove_batch(const fs::path& cache, const std::vector<CacheEntry>& chosen, std::size_t begin,
                    std::vector<CacheEntry>& removed) {
    OSIEKIT_ASSIGN(auto lock, CacheLock::take(cache, CacheLock::Mode::exclusive));
    OSIEKIT_ASSIGN(LiveLeases live, live_leases(cache));
    for (std::size_t i = begin; i < std::min(begin + batch, chosen.size()); ++i) {
        OSIEKIT_ASSIGN(bool done, remove_entry(cache, chosen[i], live));
        if (done) removed.push_back(chosen[i]);
    }
    return {};
}

}  // namespace

std::vector<CacheEntry> choose_removals(std::vector<CacheEntry> entries,
                                        const CollectPolicy& policy) {
    std::stable_sort(entries.begin(), entries.end(), [](const CacheEntry& a, const CacheEntry& b) {
        return earlier(a.last_use, b.last_use);
    });
    std::uint64_t left = 0;
    for (const CacheEntry& entry : entries) left += entry.size;
    std::vector<CacheEntry> chosen;
    for (CacheEntry& entry : entries) {
        if (entry.in_use) continue;
        std::int64_t age = std::max<std::int64_t>(0, policy.now.tv_sec - entry.last_use.tv_sec);
        bool old = static_cast<std::uint64_t>(age) / seconds_a_day >= policy.keep_days;
        bool too_much = policy.max_size && left > *policy.max_size;
        if (!old && !too_much) continue;
        left -= entry.size;
        chosen.push_back(std::move(entry));
    }
    return chosen;
}

Result<Collected> collect_cache(const fs::path& cache, const CollectPolicy& policy, bool dry_run,
                                const std::function<bool()>& cancelled) {
    Collected collected;
    OSIEKIT_ASSIGN(auto entries, list_cache(cache));
    for (const CacheEntry& entry : entries) collected.kept += entry.size;
    collected.kept_entries = entries.size();
    {
        OSIEKIT_ASSIGN(auto lock, CacheLock::take(cache, dry_run ? CacheLock::Mode::shared
                                                                 : CacheLock::Mode::exclusive));
        OSIEKIT_ASSIGN(collected.left_overs, sweep_left_overs(cache, !dry_run));
    }
    auto chosen = choose_removals(std::move(entries), policy);
    if (dry_run) {
        collected.removed = std::move(chosen);
    } else {
        for (std::size_t i = 0; i < chosen.size(); i += batch) {
            if (cancelled && cancelled()) return Error(ErrorKind::cancelled, "interrupted");
            OSIEKIT_TRY(remove_batch(cache, chosen, i, collected.removed));
        }
    }
    for (const CacheEntry& entry : collected.removed) collected.freed += entry.size;
    collected.kept -= collected.freed;
    collected.kept_entries -= collected.removed.size();
    for (const LeftOver& left : collected.left_overs) collected.freed += left.size;
    return collected;
}

}  // namespace osiekit::builder
