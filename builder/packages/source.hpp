#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "builder/packages/package.hpp"
#include "builder/packages/query.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

class Arriving;  // builder/cache/arriving.hpp

// How a caller follows a fetch that is under way.
struct FetchWatch {
    // Called with a package that has to be downloaded, before that begins, from any thread and
    // perhaps from several at once; not of every source.
    std::function<void(const LocatedPackage&, const std::shared_ptr<Arriving>&)> begins;
    // Called with a package as soon as it is here and verified, from any thread and perhaps from
    // several at once; fetching waits for its return. A package that is fetched again, as its
    // mirror has changed meanwhile, may come twice. An error ends the fetch and is returned.
    std::function<Status(const LocatedPackage&)> arrived;
    // Beside the cancellation that was set where the source was made. Asked from any thread.
    std::function<bool()> cancelled;

    Status tell(const LocatedPackage& package) const {
        return arrived ? arrived(package) : Status();
    }
};

// Where packages come from: repositories, a lock in their place, or what a test makes up. All
// calls give the packages in order of name. They may take long; progress and cancellation are set
// where a source is made. Errors: not_found (no such package; a dependency that is missing, with
// the chain of who wants it), refused (signature, expired, conflict), digest, network, cancelled,
// invalid_input, limit.
class PackageSource {
  public:
    PackageSource() = default;
    PackageSource(const PackageSource&) = delete;
    PackageSource& operator=(const PackageSource&) = delete;
    virtual ~PackageSource() = default;

    // Which packages, how large, with which digests, from where. Fetches indexes at most, never a
    // package: `file` is empty unless the cache has it already, and of Alpine's packages `digest`
    // is only known then.
    virtual Result<std::vector<LocatedPackage>> resolve(const PackageQuery& query) = 0;

    // Packages that resolve() gave, or that a lock has kept: `file` is set and verified against
    // `digest` and `size` (or `identity` where the digest is not known). Reads no index; `suite`,
    // `component` and `location` say where a package lies below the configured mirrors.
    virtual Result<std::vector<LocatedPackage>> fetch(std::vector<LocatedPackage> packages,
                                                      const FetchWatch& watch = {}) = 0;

    // What resolve() gave may be outdated, as a mirror was not asked for it: from now on it is.
    // False: it was asked, or may not be.
    virtual bool refresh() { return false; }

    // The attempt, a call that gives a Result, and once more if a mirror may have changed since it
    // was asked.
    template <typename Attempt>
    auto asking_again(Attempt attempt) {
        auto result = attempt();
        if (result || !may_be_outdated(result.error()) || !refresh()) return result;
        return attempt();
    }

    // A mirror that has changed since it was asked: asking again may mend it.
    static bool may_be_outdated(const Error& error) {
        return error.kind() == ErrorKind::not_found || error.kind() == ErrorKind::digest;
    }
};

}  // namespace osiekit::builder
