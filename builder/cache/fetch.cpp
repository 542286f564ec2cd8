#include "builder/cache/fetch.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>

#include "builder/cache/download.hpp"
#include "builder/cache/parallel.hpp"
#include "builder/cache/url.hpp"
#include "lib/http/http_client.hpp"

namespace osiekit::builder {

namespace fs = std::filesystem;

namespace {

// Adds up what the threads report and tells the caller, no more often than a person can read.
class ProgressSum {
  public:
    ProgressSum(const ProgressCallback& callback, const std::vector<FetchItem>& items)
        : callback_(callback), last_(items.size()), start_(Clock::now()) {
        sum_.files_total = items.size();
        for (const FetchItem& item : items) sum_.bytes_total += item.size;
    }

    // Item `index` has `have` bytes now, `received` of them newly from the network.
    void moved(std::size_t index, const std::string& name, std::uint64_t have,
               std::uint64_t received, bool finished) {
        if (!callback_) return;
        std::lock_guard lock(mutex_);
        sum_.bytes_done += have - last_[index];  // wraps around when an attempt starts anew
        last_[index] = have;
        received_ += received;
        sum_.current = name;
        if (finished) ++sum_.files_done;
        auto now = Clock::now();
        if (!finished && now - told_ < interval) return;
        told_ = now;
        std::chrono::duration<double> elapsed = now - start_;
        sum_.bytes_per_second =
            elapsed.count() > 0 ? static_cast<double>(received_) / elapsed.count() : 0;
        callback_(sum_);
    }

  private:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::milliseconds interval{100};
    const ProgressCallback& callback_;
    std::mutex mutex_;
    Progress sum_;
    std::vector<std::uint64_t> last_;
    std::uint64_t received_ = 0;
    Clock::time_point start_;
    Clock::time_point told_;
};

Error absent_offline(const FetchItem& item) {
    return Error(ErrorKind::not_found, item.name + " is not in the cache, and fetching " +
                                           without_credentials(item.url) + " is not allowed")
        .hint("run once without --offline");
}

// One item into the cache, with retries; whoever follows its arrival is told of the end.
Status fetch_one(BlobCache& cache, const std::vector<FetchItem>& items, std::size_t i,
                 const FetchOptions& options, const std::function<bool()>& stop,
                 ProgressSum& progress) {
    const FetchItem& item = items[i];
    // A client an item: connections are reused within it; a batch is few, large files.
    http::Client client;
    std::shared_ptr<Arriving> arriving;
    if (options.begins) arriving = std::make_shared<Arriving>(item.size);
    EndOfArrival end(arriving);
    if (arriving) options.begins(i, arriving);
    auto moved = [&](std::uint64_t have, std::uint64_t received) {
        progress.moved(i, item.name, have, received, false);
    };
    Download download{cache, item, client, stop, moved, arriving};
    Status done = with_retries(options.retry, stop, [&](RetryAfter& asked) {
        Status tried = download.attempt();
        asked = download.asked();
        return tried;
    });
    if (arriving) arriving->end(done);
    OSIEKIT_TRY(std::move(done));
    progress.moved(i, item.name, item.size, 0, true);
    return {};
}

}  // namespace

Result<std::vector<fs::path>> fetch_all(BlobCache& cache, const std::vector<FetchItem>& items,
                                        const FetchOptions& options) {
    std::vector<fs::path> paths(items.size());
    auto arrive = [&](std::size_t i, fs::path file) {
        paths[i] = std::move(file);
        return options.arrived ? options.arrived(i, paths[i]) : Status();
    };
    auto take_out = [&](std::size_t i) -> Status {
        OSIEKIT_ASSIGN(auto present, cache.find(items[i].digest));
        if (!present)
            return Error(ErrorKind::io, items[i].name + " vanished from the cache " +
                                            cache.directory().string() + " while it was used");
        return arrive(i, *std::move(present));
    };
    std::vector<std::size_t> missing;
    std::map<Sha256, std::size_t> first_of;  // one download for equal items
    ProgressSum progress(options.progress, items);
    for (std::size_t i = 0; i < items.size(); ++i) {
        OSIEKIT_ASSIGN(auto present, cache.find(items[i].digest));
        if (present) {
            progress.moved(i, items[i].name, items[i].size, 0, true);
            OSIEKIT_TRY(arrive(i, *std::move(present)));
        } else if (options.offline) {
            return absent_offline(items[i]);
        } else if (first_of.emplace(items[i].digest, i).second) {
            missing.push_back(i);
        }
    }
    // The largest first: the last thread to finish then holds a small one.
    std::stable_sort(missing.begin(), missing.end(),
                     [&](std::size_t a, std::size_t b) { return items[a].size > items[b].size; });
    std::atomic<bool> stopping{false};
    std::function<bool()> stop = [&] {
        return stopping.load() || (options.cancelled && options.cancelled());
    };
    OSIEKIT_TRY(run_parallel(missing.size(), std::max(1U, options.parallel), stopping,
                             [&](std::size_t n) -> Status {
                                 std::size_t i = missing[n];
                                 Status done = fetch_one(cache, items, i, options, stop, progress);
                                 if (!done) return done;
                                 return take_out(i);
                             }));
    for (std::size_t i = 0; i < items.size(); ++i)
        if (paths[i].empty()) OSIEKIT_TRY(take_out(i));
    return paths;
}

}  // namespace osiekit::builder
