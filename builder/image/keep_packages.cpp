#include "builder/image/keep_packages.hpp"

#include <algorithm>

#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

class KeepingSource final : public PackageSource {
  public:
    KeepingSource(std::string kernel_key, std::vector<LockedPackage> kept,
                  std::vector<std::string> move, std::shared_ptr<PackageSource> repositories)
        : kernel_key_(std::move(kernel_key)),
          kept_(std::move(kept)),
          move_(std::move(move)),
          repositories_(std::move(repositories)) {}

    Result<std::vector<LocatedPackage>> resolve(const PackageQuery& query) override {
        std::string use = query.key() == kernel_key_ ? "kernel" : "image";
        PackageQuery keeping = query;
        for (const LockedPackage& package : kept_) {
            const auto& uses = package.uses;
            if (package.system == to_string(query.system) &&
                std::find(uses.begin(), uses.end(), use) != uses.end())
                keeping.prefer[package.name] = package.version;
        }
        // What is to move is asked for before all else, so that everything else gives way to it.
        PackageQuery moving = keeping;
        moving.packages.clear();
        for (const std::string& name : move_)
            if (moving.prefer.erase(name) != 0) moving.packages.push_back({name, "--update"});
        if (moving.packages.empty()) return repositories_->resolve(keeping);
        moving.packages.insert(moving.packages.end(), query.packages.begin(), query.packages.end());
        OSIEKIT_ASSIGN(auto moved, repositories_->resolve(moving));
        // Again as the profile asks: what was only there because it was to move falls away.
        keeping.prefer.clear();
        for (const LocatedPackage& package : moved) keeping.prefer[package.name] = package.version;
        return repositories_->resolve(keeping);
    }
    Result<std::vector<LocatedPackage>> fetch(std::vector<LocatedPackage> packages,
                                              const FetchWatch& watch) override {
        return repositories_->fetch(std::move(packages), watch);
    }
    bool refresh() override { return repositories_->refresh(); }

  private:
    std::string kernel_key_;
    std::vector<LockedPackage> kept_;
    std::vector<std::string> move_;
    std::shared_ptr<PackageSource> repositories_;
};

}  // namespace

Result<std::unique_ptr<PackageSource>> keep_packages(const Profile& profile,
                                                     std::vector<LockedPackage> kept,
                                                     std::vector<std::string> move,
                                                     std::shared_ptr<PackageSource> repositories) {
    std::vector<std::string> names;
    for (const LockedPackage& package : kept) names.push_back(package.name);
    // What the profile asks for since the lock was made comes in its newest version anyhow.
    PackageQueries queries = package_queries(profile);
    queries.image.push_back(queries.kernel);
    for (const PackageQuery& query : queries.image)
        for (const auto* list : {&query.packages, &query.no_deps})
            for (const PackageRequest& request : *list)
                names.emplace_back(query.system == PackageSystem::oci
                                       ? request.name
                                       : requested_package(request.name));
    for (const std::string& name : move) {
        if (std::find(names.begin(), names.end(), name) != names.end()) continue;
        Error error(ErrorKind::invalid_input,
                    "--update: neither the lock nor the profile has a "
                    "package \"" +
                        printable(name) + "\"");
        if (auto near = nearest(name, names))
            return std::move(error).hint("did you mean \"" + *near + "\"?");
        return error;
    }
    std::string kernel_key = queries.kernel.key();
    return std::unique_ptr<PackageSource>(std::make_unique<KeepingSource>(
        std::move(kernel_key), std::move(kept), std::move(move), std::move(repositories)));
}

}  // namespace osiekit::builder
