#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "builder/tree.hpp"
#include "lib/base/digest.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// A file of the build machine that is read more than once in a run: hashed for the lock, measured,
// compressed. The first whole reading settles which bytes it has; a later one that finds others is
// an error, so that what is packed is what was hashed. A later reading is hashed again, unless
// size, times and inode are what they were and the file had been at rest for a second before the
// first one: a write within the same tick of the kernel's clock leaves no trace in them. Thread
// safe.
class LocalFile {
  public:
    // Errors: not_found, io, invalid_input (not a regular file).
    static Result<std::shared_ptr<LocalFile>> open(const std::filesystem::path& path);

    std::uint64_t size() const { return size_; }
    // All of it, piece by piece. Errors: io (it is not what it was), and those of the sink.
    Status read(const ByteSink& sink);
    // Reads the file if nobody has yet.
    Result<Sha256> digest();

  private:
    struct Settled {
        Sha256 digest;
        std::string stamp;
        bool at_rest = false;
    };
    LocalFile(std::filesystem::path path, std::uint64_t size)
        : path_(std::move(path)), size_(size) {}
    Error changed() const;
    std::optional<Settled> settled() const;
    Status settle(const Settled& found);

    const std::filesystem::path path_;
    const std::uint64_t size_;
    mutable std::mutex mutex_;
    std::optional<Settled> settled_;
};

}  // namespace osiekit::builder
