#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "builder/cache/fetch.hpp"
#include "builder/debian/apt_sources.hpp"
#include "builder/packages/source.hpp"
#include "lib/base/digest.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// A verified index younger than this is used without asking the mirror again.
constexpr std::chrono::minutes release_check_interval{5};

// Debian packages from the mirrors that the host's apt uses (or from given ones). The chain of
// trust: keyring → signature of InRelease (gpgv) → SHA-256 of the index → size and SHA-256 of each
// package. Every file goes through the content-addressed cache, so that a warm run reads no index
// and a run with `offline` needs no network.
class DebianRepository final : public PackageSource {
  public:
    struct Options {
        std::string architecture = "amd64";
        // Where the host's apt configuration and os-release are read (tests give a directory).
        std::filesystem::path root = "/";
        // Code name ("bookworm"): only sources of this suite or of "CODENAME-…" are used. Empty:
        // VERSION_CODENAME of the host's os-release. Not used when `sources` is given.
        std::string release;
        // Empty: the host's apt configuration.
        std::vector<AptSource> sources;
        // Instead of the settings of the host\'s apt (proxies, dates).
        std::optional<AptSettings> settings;
        std::filesystem::path cache;        // empty: default_cache_directory()
        bool offline = false;               // only what is in the cache
        bool refresh = false;               // ask the mirrors even within release_check_interval
        ProgressCallback progress;          // may be called from several threads, one at a time
        std::function<bool()> cancelled;    // asked often, from several threads
        RetryPolicy retry;                  // for what fails in the network
        std::function<std::int64_t()> now;  // seconds since 1970; empty: the system's clock
    };

    // Reads the configuration; asks no mirror. Errors: invalid_input (a source that cannot be
    // read, with file:line), not_found (no source for the release).
    static Result<std::unique_ptr<DebianRepository>> open(Options options);
    ~DebianRepository() override;

    // The best candidates of the named packages ("name", "name=version", "name/suite"), with the
    // dependencies asked for. A package of fetch() is looked for in the sources of its suite.
    Result<std::vector<LocatedPackage>> resolve(const PackageQuery& query) override;
    Result<std::vector<LocatedPackage>> fetch(std::vector<LocatedPackage> packages,
                                              const FetchWatch& watch = {}) override;
    bool refresh() override;

    // Oddities worth telling the user (a source of an unsupported kind was skipped).
    const std::vector<std::string>& warnings() const;

  private:
    struct State;
    explicit DebianRepository(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace osiekit::builder
