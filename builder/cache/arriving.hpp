#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

#include "builder/cache/byte_source.hpp"
#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// A file on its way into the cache, for one who reads it before it is whole. What he makes of it
// must not be seen by anybody before verdict(): until then its digest is not known, and it may be
// anything. One thread fetches, another reads.
class Arriving final : public ByteSource {
  public:
    explicit Arriving(std::uint64_t size) : size_(size) {}

    std::uint64_t size() const override { return size_; }
    // Errors: cancelled, when it has to be begun anew or does not come; whoever reads gives up.
    Result<std::size_t> read(char* into, std::size_t size, Wait wait) override;
    // Waits until the file is in the cache with the right digest, or why it is not.
    Status verdict();

    // For who fetches. An attempt has this file open, of which so many bytes are there from the
    // beginning.
    void begin(const Fd& file, std::uint64_t have);
    void grow(std::uint64_t have);
    // The last word. Later ones do not count.
    void end(Status how);

  private:
    const std::uint64_t size_;
    std::mutex mutex_;
    std::condition_variable changed_;
    Fd file_;                  // the fetching one's, once more
    std::uint64_t have_ = 0;   // bytes of it
    std::uint64_t given_ = 0;  // to the reader
    bool anew_ = false;        // after some were given
    std::optional<Status> end_;
};

// Says the last word if nobody else has.
class EndOfArrival {
  public:
    explicit EndOfArrival(std::shared_ptr<Arriving> arriving) : arriving_(std::move(arriving)) {}
    EndOfArrival(const EndOfArrival&) = delete;
    EndOfArrival& operator=(const EndOfArrival&) = delete;
    ~EndOfArrival() {
        if (arriving_) arriving_->end(Error(ErrorKind::cancelled, "it did not come"));
    }

  private:
    std::shared_ptr<Arriving> arriving_;
};

}  // namespace osiekit::builder
