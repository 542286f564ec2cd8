#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "builder/cache/blob_cache.hpp"
#include "builder/cache/retry.hpp"
#include "builder/debian/apt_sources.hpp"
#include "builder/debian/release.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// A suite's verified release file, and whether the mirror was asked for it in this call.
struct CurrentRelease {
    Release release;
    bool asked = false;
};

// Fetches, verifies and keeps the release files of suites. What is kept of each suite is
// CACHE/releases/HEX, with HEX from URI and suite: when the mirror was last asked, the digest of
// the verified text (itself a cache entry), and the digest of the keys it was verified with; with
// other keys it is verified anew.
class ReleaseStore {
  public:
    struct Options {
        AptSettings settings;
        std::filesystem::path root = "/";  // of the host's trusted keys
        bool offline = false;
        bool refresh = false;
        RetryPolicy retry;
        std::function<bool()> cancelled;
        std::function<std::int64_t()> now;  // seconds since 1970
    };
    ReleaseStore(BlobCache& cache, Options options) : cache_(cache), options_(std::move(options)) {}

    // Errors: network, not_found, refused (signature; expired; of another suite; from the future),
    // invalid_input. Safe to call from several threads for different sources.
    Result<CurrentRelease> current(const AptSource& source) const;

  private:
    struct Kept;
    struct Answer;
    Kept load(const std::filesystem::path& file, const AptSource& source,
              const std::string& keys) const;
    Result<Kept> update(const AptSource& source, const Kept& kept, const std::string& keys) const;
    Result<Answer> ask(const AptSource& source, const Kept& kept) const;
    Result<std::string> verified_text(const AptSource& source, const std::string& content) const;
    Result<std::string> keys_digest(const AptSource& source) const;
    Status check(const AptSource& source, const Release& release) const;
    static std::optional<std::int64_t> valid_until(const AptSource& source,
                                                   const AptSettings& settings,
                                                   const Release& release);
    std::filesystem::path state_file(const AptSource& source) const;

    BlobCache& cache_;
    Options options_;
};

// URI/dists/SUITE, or URI/SUITE of a flat repository.
std::string suite_url(const AptSource& source);

}  // namespace osiekit::builder
