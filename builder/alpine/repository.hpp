#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "builder/cache/fetch.hpp"
#include "builder/debian/repository.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// Packages of Alpine repositories (format 2). The chain of trust: public key of a given folder →
// signature of APKINDEX.tar.gz → field C: (SHA-1 of the control part) → datahash (SHA-256 of the
// data part). Keys are never fetched. Index and packages are kept in the content-addressed cache,
// which verifies them when they are read; CACHE/alpine says which digest belongs to which URL and
// identity. The signature of an index is verified on every run.
class AlpineRepository {
  public:
    struct Options {
        std::string architecture = "amd64";  // or arm64: "x86_64" and "aarch64" of Alpine
        // MIRROR/BRANCH/REPOSITORY/ARCH/APKINDEX.tar.gz: "http://mirror.example/alpine"
        std::string mirror;
        std::string branch;                                // "v3.20"
        std::vector<std::string> repositories = {"main"};  // earlier ones are preferred
        std::filesystem::path keys;                        // a folder of *.rsa.pub
        std::vector<std::string> exclude;                  // packages that stay away
        std::filesystem::path cache;                       // empty: default_cache_directory()
        bool offline = false;
        bool refresh = false;  // ask the mirror even within release_check_interval
        ProgressCallback progress;
        std::function<bool()> cancelled;
        RetryPolicy retry;
        std::function<std::int64_t()> now;  // seconds since 1970; empty: the system's clock
    };

    // Asks no mirror. Errors: invalid_input (an option), not_found (no keys).
    static Result<AlpineRepository> open(Options options);
    AlpineRepository(AlpineRepository&&) noexcept;
    AlpineRepository& operator=(AlpineRepository&&) noexcept;
    ~AlpineRepository();

    // The named packages ("name", "name=1.2", "name~1.2", "name<2", "!name" to keep one away), with
    // the dependencies asked for, in order of name, each fetched and verified. Errors: not_found,
    // refused (signature; conflict), digest, network, cancelled, limit.
    Result<std::vector<LocatedPackage>> obtain(const std::vector<std::string>& names,
                                               const Dependencies& dependencies);

  private:
    struct State;
    explicit AlpineRepository(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace osiekit::builder
