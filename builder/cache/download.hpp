#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "builder/cache/arriving.hpp"
#include "builder/cache/blob_cache.hpp"
#include "builder/cache/fetch.hpp"
#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"
#include "lib/http/http_client.hpp"

namespace osiekit::builder {

// One file on its way into the cache. The part that has arrived is DIR/partial/HEX, locked with
// flock(2) while a process works on it: a second build waits and then finds the finished entry.
class Download {
  public:
    using Moved = std::function<void(std::uint64_t have, std::uint64_t received)>;
    Download(BlobCache& cache, const FetchItem& item, http::Client& client,
             const std::function<bool()>& cancelled, Moved moved,
             std::shared_ptr<Arriving> arriving = nullptr)
        : cache_(cache),
          item_(item),
          client_(client),
          cancelled_(cancelled),
          moved_(std::move(moved)),
          arriving_(std::move(arriving)) {}

    // Tries once, from where the last attempt stopped. Kind network if another attempt may help.
    Status attempt();
    // How long the server of the last attempt asked to be left alone.
    RetryAfter asked() const { return asked_; }

  private:
    // What is known of the file while its body arrives.
    struct Arrival;
    Result<Fd> lock_partial();
    Status receive(Arrival& arrival);
    Status begin_body(Arrival& arrival);
    Status take(Arrival& arrival, std::string_view piece);
    Status judge_answer(const http::Response& response);
    Status finish(Arrival& arrival);

    BlobCache& cache_;
    const FetchItem& item_;
    http::Client& client_;
    const std::function<bool()>& cancelled_;
    Moved moved_;
    RetryAfter asked_;
    std::shared_ptr<Arriving> arriving_;  // may be null
};

}  // namespace osiekit::builder
