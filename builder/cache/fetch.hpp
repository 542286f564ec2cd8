#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "builder/cache/arriving.hpp"
#include "builder/cache/blob_cache.hpp"
#include "builder/cache/retry.hpp"
#include "lib/base/digest.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// State of a batch of downloads, for a person to watch.
struct Progress {
    std::string current;            // name of the file that moved last
    std::uint64_t bytes_done = 0;   // of the whole batch, resumed parts included
    std::uint64_t bytes_total = 0;  // 0 if unknown
    std::uint64_t files_done = 0;
    std::uint64_t files_total = 0;
    double bytes_per_second = 0;  // over the batch, what was resumed not counted
};
using ProgressCallback = std::function<void(const Progress&)>;

struct FetchItem {
    std::string name;     // for messages and progress
    std::string url;      // may carry credentials; messages show it without
    std::string proxy;    // URL, "DIRECT", or empty: what the environment says
    std::string ca_file;  // extra CA bundle for https
    Sha256 digest;
    std::uint64_t size = 0;  // exact
    // A transfer that is slower than lowest_mirror_speed for so long is given up, and tried again.
    std::chrono::seconds stall_timeout{30};
    std::string kind = "package";  // what it is, for people who look into the cache
};

struct FetchOptions {
    unsigned parallel = 4;
    RetryPolicy retry;  // for network errors and statuses 408, 429, 5xx
    bool offline = false;
    // Called with an item's number when it has to be downloaded, before that begins, from any
    // thread and perhaps from several at once.
    std::function<void(std::size_t, const std::shared_ptr<Arriving>&)> begins;
    // Called with an item's number and file as soon as it is verified, from any thread and perhaps
    // from several at once. An error ends the batch and is returned.
    std::function<Status(std::size_t, const std::filesystem::path&)> arrived;
    ProgressCallback progress;        // one call at a time, from any thread
    std::function<bool()> cancelled;  // called from several threads at once
};

// Brings every item into the cache, in parallel; items that are there already cost no request.
// A download that breaks off is kept as PARTIAL beside the cache's blobs and continued by the next
// attempt or the next run (HTTP Range); its digest is computed over all of it, so a wrong part is
// found and thrown away. Errors name the URL: digest (expected and got), network, not_found (HTTP
// 404, or absent while offline), refused (other HTTP statuses), cancelled. The paths are in the
// order of the items.
Result<std::vector<std::filesystem::path>> fetch_all(BlobCache& cache,
                                                     const std::vector<FetchItem>& items,
                                                     const FetchOptions& options);

}  // namespace osiekit::builder
