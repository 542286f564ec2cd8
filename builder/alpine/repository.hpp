#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "builder/cache/fetch.hpp"
#include "builder/packages/source.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// A verified index younger than this is used without asking the mirror again.
constexpr std::chrono::minutes index_check_interval{5};

// Packages of Alpine repositories (format 2). The chain of trust: public key of a given folder →
// signature of APKINDEX.tar.gz → field C: (SHA-1 of the control part) → datahash (SHA-256 of the
// data part). Keys are never fetched. Index and packages are kept in the content-addressed cache,
// which verifies them when they are read; CACHE/alpine says which digest belongs to which URL and
// identity. The signature of an index is verified on every run.
class AlpineRepository final : public PackageSource {
  public:
    struct Options {
        std::string architecture = "amd64";  // or arm64: "x86_64" and "aarch64" of Alpine
        // MIRROR/BRANCH/REPOSITORY/ARCH/APKINDEX.tar.gz: "http://mirror.example/alpine"
        std::string mirror;
        std::string branch;                                // "v3.20"
        std::vector<std::string> repositories = {"main"};  // earlier ones are preferred
        std::filesystem::path keys;                        // a folder of *.rsa.pub
        std::filesystem::path cache;                       // empty: default_cache_directory()
        bool offline = false;
        bool refresh = false;  // ask the mirror even within index_check_interval
        ProgressCallback progress;
        std::function<bool()> cancelled;
        RetryPolicy retry;
        // A transfer that is slower than lowest_mirror_speed for so long is given up.
        std::chrono::seconds stall_timeout{30};
        std::function<std::int64_t()> now;  // seconds since 1970; empty: the system's clock
    };

    // Asks no mirror. Errors: invalid_input (an option), not_found (no keys).
    static Result<std::unique_ptr<AlpineRepository>> open(Options options);
    ~AlpineRepository() override;

    // `digest` of what resolve() gives is known for packages that were fetched once.
    Result<std::vector<LocatedPackage>> resolve(const PackageQuery& query) override;
    Result<std::vector<LocatedPackage>> fetch(std::vector<LocatedPackage> packages,
                                              const FetchWatch& watch = {}) override;
    bool refresh() override;

  private:
    struct State;
    explicit AlpineRepository(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace osiekit::builder
