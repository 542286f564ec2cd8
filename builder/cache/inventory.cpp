#include "builder/cache/inventory.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <tuple>

#include "builder/cache/entry.hpp"
#include "builder/cache/layout.hpp"
#include "builder/cache/lease.hpp"

namespace osiekit::builder {

namespace fs = std::filesystem;

namespace {

Status each_file(const fs::path& folder,
                 const std::function<void(const fs::path&, const struct stat&)>& visit) {
    std::error_code failure;
    for (const auto& entry : fs::directory_iterator(folder, failure)) {
        struct stat info {};
        if (::lstat(entry.path().c_str(), &info) != 0) continue;
        if (!is_pending_name(entry.path().filename().string())) visit(entry.path(), info);
    }
    if (failure && failure != std::errc::no_such_file_or_directory)
        return Error(ErrorKind::io, "cannot read " + folder.string() + ": " + failure.message());
    return {};
}

CacheEntry entry_of(EntryPlace place, const fs::path& file, const struct stat& info) {
    CacheEntry entry;
    entry.place = place;
    entry.file = file;
    entry.size = static_cast<std::uint64_t>(info.st_size);
    entry.last_use = info.st_mtim;
    if (place != EntryPlace::record)
        if (auto digest = Sha256::parse(file.filename().string())) entry.digest = *digest;
    return entry;
}

}  // namespace

fs::path stamp_of_entry(const fs::path& cache, const CacheEntry& entry) {
    if (entry.place != EntryPlace::blob) return {};
    return cache / stamp_folder / entry.file.filename();
}

timespec last_use_of(const fs::path& cache, const CacheEntry& entry) {
    struct stat info {};
    fs::path stamp = stamp_of_entry(cache, entry);
    if (!stamp.empty() && ::stat(stamp.c_str(), &info) == 0) return info.st_mtim;
    return ::lstat(entry.file.c_str(), &info) == 0 ? info.st_mtim : entry.last_use;
}

Result<std::vector<CacheEntry>> list_cache(const fs::path& cache) {
    std::error_code failure;
    if (!fs::is_directory(cache, failure))
        return Error(ErrorKind::not_found, "there is no cache in " + cache.string())
            .hint("name its folder with --cache DIR");
    LiveLeases live;
    {
        OSIEKIT_ASSIGN(auto lock, CacheLock::take(cache, CacheLock::Mode::shared));
        OSIEKIT_ASSIGN(live, live_leases(cache));
    }
    std::vector<CacheEntry> entries;
    auto add = [&](CacheEntry entry) {
        entry.in_use = live.may_use(entry.last_use) ||
                       (entry.digest && live.digests.count(*entry.digest) != 0);
        entries.push_back(std::move(entry));
    };
    OSIEKIT_TRY(each_file(cache / blob_folder, [&](const fs::path& file, const struct stat& info) {
        CacheEntry entry = entry_of(EntryPlace::blob, file, info);
        BlobNote note = read_stamp(stamp_of_entry(cache, entry)).note;
        entry.kind = note.kind.empty() ? "blob" : note.kind;
        entry.name = note.name;
        entry.last_use = last_use_of(cache, entry);
        add(std::move(entry));
    }));
    for (const RecordFolder& folder : record_folders)
        OSIEKIT_TRY(
            each_file(cache / folder.path, [&](const fs::path& file, const struct stat& info) {
                CacheEntry entry = entry_of(EntryPlace::record, file, info);
                entry.kind = folder.kind;
                entry.name = file.filename().string();
                add(std::move(entry));
            }));
    OSIEKIT_TRY(
        each_file(cache / partial_folder, [&](const fs::path& file, const struct stat& info) {
            CacheEntry entry = entry_of(EntryPlace::download, file, info);
            entry.kind = "download";
            add(std::move(entry));
        }));
    std::sort(entries.begin(), entries.end(), [](const CacheEntry& a, const CacheEntry& b) {
        return std::tie(a.place, a.kind, a.name, a.file) <
               std::tie(b.place, b.kind, b.name, b.file);
    });
    return entries;
}

}  // namespace osiekit::builder
