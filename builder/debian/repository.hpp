#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "builder/cache/fetch.hpp"
#include "builder/debian/apt_sources.hpp"
#include "lib/base/digest.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// A package as the signed index describes it, and its verified file in the cache.
struct LocatedPackage {
    std::string name;
    std::string version;
    std::string architecture;  // of the package: "amd64" or "all"
    Sha256 digest;
    std::uint64_t size = 0;  // bytes of the .deb
    std::filesystem::path file;
    std::string url;  // without credentials
};

// Which dependencies (Depends and Pre-Depends; never Recommends) obtain() follows.
class Dependencies {
  public:
    // Only what is named.
    static Dependencies none() { return Dependencies(false, {}); }
    // The whole closure.
    static Dependencies all() { return Dependencies(true, {}); }
    // Only dependencies whose package name starts with `prefix`, at every depth: with
    // "linux-image-" the metapackage linux-image-cloud-amd64 brings the kernel it points to and
    // not the initramfs-tools and kmod which that one depends on.
    static Dependencies pattern(std::string prefix) {
        return Dependencies(true, std::move(prefix));
    }

    bool follow(std::string_view name) const { return follow_ && name.starts_with(prefix_); }
    std::string key() const { return follow_ ? "follow:" + prefix_ : "none"; }

  private:
    Dependencies(bool follow, std::string prefix) : follow_(follow), prefix_(std::move(prefix)) {}
    bool follow_;
    std::string prefix_;
};

// A verified index younger than this is used without asking the mirror again.
constexpr std::chrono::minutes release_check_interval{5};

// Debian packages from the mirrors that the host's apt uses (or from given ones). The chain of
// trust: keyring → signature of InRelease (gpgv) → SHA-256 of the index → size and SHA-256 of each
// package. Every file goes through the content-addressed cache, so that a warm run reads no index
// and a run with `offline` needs no network.
class DebianRepository {
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
        std::filesystem::path cache;      // empty: default_cache_directory()
        bool offline = false;             // only what is in the cache
        bool refresh = false;             // ask the mirrors even within release_check_interval
        ProgressCallback progress;        // may be called from several threads, one at a time
        std::function<bool()> cancelled;  // asked often, from several threads
    };

    // Reads the configuration; asks no mirror. Errors: invalid_input (a source that cannot be
    // read, with file:line), not_found (no source for the release).
    static Result<DebianRepository> open(Options options);
    DebianRepository(DebianRepository&&) noexcept;
    DebianRepository& operator=(DebianRepository&&) noexcept;
    ~DebianRepository();

    // The newest candidates of the named packages ("name", or "name=version"), with the
    // dependencies asked for, in order of name, each fetched and verified. Errors: not_found
    // (unknown package, with the nearest name; or a missing dependency, with the chain that wants
    // it), refused (signature, expired), digest, network, cancelled.
    Result<std::vector<LocatedPackage>> obtain(const std::vector<std::string>& names,
                                               const Dependencies& dependencies);

    // Oddities worth telling the user (a source of an unsupported kind was skipped).
    const std::vector<std::string>& warnings() const;

  private:
    struct State;
    explicit DebianRepository(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace osiekit::builder
