#include <fcntl.h>
#include <sys/stat.h>

#include "builder/cache/collect.hpp"
#include "builder/cache/entry.hpp"
#include "builder/cache/record.hpp"
#include "lib/base/file.hpp"

namespace osiekit::builder {

namespace fs = std::filesystem;

namespace {

enum class Verdict { good, damaged, gone };

// A link is no good either. `fd` is left open on what was judged.
Result<Verdict> judge(const CacheEntry& entry, Fd& fd) {
    fd = Fd(::open(entry.file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!fd && errno == ENOENT) return Verdict::gone;
    if (!fd && errno == ELOOP) return Verdict::damaged;
    if (!fd) return Error::from_errno("cannot read " + entry.file.string());
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
        fd = Fd();
        return Verdict::damaged;
    }
    if (entry.place == EntryPlace::record) {
        auto content = read_all(fd.get(), largest_record);
        return content && is_checked(*content) ? Verdict::good : Verdict::damaged;
    }
    auto digest = digest_of(fd.get(), entry.file);
    return digest && entry.digest == *digest ? Verdict::good : Verdict::damaged;
}

}  // namespace

Result<Verified> verify_cache(const fs::path& cache, bool dry_run,
                              const std::function<void(std::uint64_t, std::uint64_t)>& moved,
                              const std::function<bool()>& cancelled) {
    OSIEKIT_ASSIGN(auto entries, list_cache(cache));
    std::uint64_t total = 0;
    for (const CacheEntry& entry : entries) total += entry.size;
    Verified verified;
    std::uint64_t done = 0;
    for (CacheEntry& entry : entries) {
        if (cancelled && cancelled()) return Error(ErrorKind::cancelled, "interrupted");
        done += entry.size;
        if (entry.place == EntryPlace::download) continue;
        Fd fd;
        OSIEKIT_ASSIGN(Verdict verdict, judge(entry, fd));
        if (moved) moved(done, total);
        if (verdict == Verdict::gone) continue;
        ++verified.entries;
        verified.bytes += entry.size;
        if (verdict == Verdict::good) continue;
        if (!dry_run)
            OSIEKIT_TRY(remove_damaged(cache, entry.file, stamp_of_entry(cache, entry), fd));
        verified.damaged.push_back(std::move(entry));
    }
    return verified;
}

}  // namespace osiekit::builder
