#pragma once

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <memory>
#include <set>
#include <vector>

#include "lib/base/digest.hpp"
#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// CACHE/lock, a flock(2) that is held for moments: shared while an entry gets its name or is taken
// into use, exclusive while entries are removed.
class CacheLock {
  public:
    enum class Mode { shared, exclusive };
    // Waits. In a cache that cannot be written nothing is removed either: a shared lock is then
    // taken as far as there is a file for it, and an exclusive one is an error of kind io.
    static Result<CacheLock> take(const std::filesystem::path& cache, Mode mode);

  private:
    explicit CacheLock(Fd fd) : fd_(std::move(fd)) {}
    Fd fd_;
};

// A file in CACHE/leases that its process keeps locked: the time it began, and the digests of the
// entries it uses, a line each. Nobody removes an entry that a live lease names. A process that was
// killed leaves the file, but not the lock; the next lease sweeps up after it.
class Lease {
  public:
    // In a cache that cannot be written: an empty one.
    static Result<Lease> begin(const std::filesystem::path& cache);
    Lease(Lease&&) noexcept;
    Lease& operator=(Lease&&) noexcept;
    ~Lease();

    // Call it with the shared lock held, before the entry is looked at. Thread safe.
    Status add(const Sha256& digest);
    bool has(const Sha256& digest) const;

  private:
    struct State;
    explicit Lease(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

// What the processes that are at work now use.
struct LiveLeases {
    std::size_t count = 0;
    std::set<Sha256> digests;
    timespec since{};  // when the first of them began; of no meaning if there are none

    // Whether something that was used or written at this time may belong to one of them.
    bool may_use(const timespec& time) const;
};
// Call it with the lock held. `dead`, if given, gets the files of leases whose process has ended.
Result<LiveLeases> live_leases(const std::filesystem::path& cache,
                               std::vector<std::filesystem::path>* dead = nullptr);

// Files that killed processes have left: those of their leases, and what was being written and has
// no name yet (NAME.partial.XXXXXX). Begun downloads are no left-overs, they are continued.
struct LeftOver {
    std::filesystem::path file;
    std::uint64_t size = 0;
};
// With the exclusive lock held. `remove`: or only tell.
Result<std::vector<LeftOver>> sweep_left_overs(const std::filesystem::path& cache, bool remove);

}  // namespace osiekit::builder
