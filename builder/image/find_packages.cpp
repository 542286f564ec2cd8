#include "builder/image/find_packages.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

// The metapackage's dependency that is the kernel. Alpine's packages of kernels stand for
// themselves.
Dependencies kernel_dependencies(PackageSystem system) {
    return system == PackageSystem::debian ? Dependencies::pattern("linux-image-")
                                           : Dependencies::none();
}

bool before(const LocatedPackage& a, const LocatedPackage& b) {
    return std::tie(a.name, a.version) < std::tie(b.name, b.version);
}

bool same(const LocatedPackage& a, const LocatedPackage& b) {
    return a.system == b.system && a.name == b.name && a.version == b.version &&
           a.digest == b.digest && a.identity == b.identity;
}

// A package without its dependencies may stand in another list too; it is Alpine's if it stands
// among Alpine's, else Debian's.
void place(const PackageRequest& request, PackageQuery& debian, PackageQuery& alpine) {
    auto same_name = [&](const PackageRequest& other) {
        return requested_package(other.name) == requested_package(request.name);
    };
    auto& others = alpine.packages;
    PackageQuery& query = std::any_of(others.begin(), others.end(), same_name) ? alpine : debian;
    // With the version that the other list may state.
    auto stated = std::find_if(query.packages.begin(), query.packages.end(), same_name);
    if (stated == query.packages.end()) {
        query.no_deps.push_back(request);
        return;
    }
    query.no_deps.push_back(std::move(*stated));
    query.packages.erase(stated);
}

}  // namespace

std::string_view requested_package(std::string_view request) {
    return request.substr(0, request.find_first_of("<>=~/@"));
}

PackageQueries package_queries(const Profile& profile) {
    PackageQueries queries;
    queries.kernel.system = profile.kernel.repository;
    queries.kernel.packages = {{profile.kernel.package, profile.kernel.where}};
    queries.kernel.dependencies = kernel_dependencies(profile.kernel.repository);
    PackageQuery debian;
    debian.packages = profile.packages;
    debian.exclude = profile.exclude;
    PackageQuery alpine;
    alpine.system = PackageSystem::alpine;
    alpine.packages = profile.alpine_packages;
    alpine.exclude = profile.exclude;
    for (const PackageRequest& request : profile.no_deps) place(request, debian, alpine);
    PackageQuery images;
    images.system = PackageSystem::oci;
    for (const CarriedSpec& image : profile.images)
        images.packages.push_back({image.name, image.where});
    for (PackageQuery* query : {&debian, &alpine, &images})
        if (!query->empty()) queries.image.push_back(std::move(*query));
    return queries;
}

std::vector<LocatedPackage> FoundPackages::all() const {
    std::vector<LocatedPackage> result = kernel;
    result.insert(result.end(), image.begin(), image.end());
    std::stable_sort(result.begin(), result.end(), before);
    result.erase(std::unique(result.begin(), result.end(), same), result.end());
    return result;
}

namespace {

// The same before a package is fetched and after.
using Key = std::tuple<PackageSystem, std::string, std::string, std::string, std::string>;
Key key_of(const LocatedPackage& package) {
    return {package.system, package.name, package.version, package.architecture, package.location};
}

Status check_architecture(const Profile& profile, const LocatedPackage& package) {
    if (package.system != PackageSystem::file || package.architecture == profile.architecture)
        return {};
    const KernelSpec& kernel = profile.kernel;
    return Error(ErrorKind::invalid_input, kernel.where + ": the kernel package " + kernel.package +
                                               " is for the architecture " +
                                               printable(package.architecture) +
                                               ", the profile for " + profile.architecture);
}

Result<FoundPackages> resolve_all(const Profile& profile, PackageSource& source) {
    PackageQueries queries = package_queries(profile);
    FoundPackages found;
    const KernelSpec& kernel = profile.kernel;
    auto located =
        source.resolve(queries.kernel).context(kernel.where + ": kernel package " + kernel.package);
    if (!located) return std::move(located).error();
    found.kernel = *std::move(located);
    for (const LocatedPackage& package : found.kernel)
        OSIEKIT_TRY(check_architecture(profile, package));
    for (const PackageQuery& query : queries.image) {
        OSIEKIT_ASSIGN(auto packages, source.resolve(query));
        std::move(packages.begin(), packages.end(), std::back_inserter(found.image));
    }
    std::stable_sort(found.image.begin(), found.image.end(), before);
    return found;
}

// All at once: the large kernel does not keep the others waiting.
Result<FoundPackages> fetch_found(FoundPackages found, PackageSource& source,
                                  const FoundWatch& watch) {
    std::set<Key> of_kernel;
    std::set<Key> of_image;
    std::vector<LocatedPackage> wanted;
    for (const LocatedPackage& package : found.kernel)
        if (of_kernel.insert(key_of(package)).second) wanted.push_back(package);
    for (const LocatedPackage& package : found.image)
        if (of_image.insert(key_of(package)).second && of_kernel.count(key_of(package)) == 0)
            wanted.push_back(package);
    FetchWatch both;
    both.arrived = [&](const LocatedPackage& package) -> Status {
        if (of_kernel.count(key_of(package)) != 0) OSIEKIT_TRY(watch.kernel.tell(package));
        return of_image.count(key_of(package)) != 0 ? watch.image.tell(package) : Status();
    };
    if (watch.kernel.begins)
        both.begins = [&](const LocatedPackage& package,
                          const std::shared_ptr<Arriving>& arriving) {
            if (of_kernel.count(key_of(package)) != 0) watch.kernel.begins(package, arriving);
        };
    both.cancelled = [&] {
        return (watch.kernel.cancelled && watch.kernel.cancelled()) ||
               (watch.image.cancelled && watch.image.cancelled());
    };
    OSIEKIT_ASSIGN(auto fetched, source.fetch(std::move(wanted), both));
    std::map<Key, const LocatedPackage*> by_key;
    for (const LocatedPackage& package : fetched) by_key[key_of(package)] = &package;
    for (auto* list : {&found.kernel, &found.image})
        for (LocatedPackage& package : *list) {
            auto place = by_key.find(key_of(package));
            if (place == by_key.end())
                return Error(ErrorKind::internal,
                             "the package " + package.to_string() + " was not fetched");
            package = *place->second;
        }
    return found;
}

}  // namespace

Result<FoundPackages> find_packages(const Profile& profile, PackageSource& source, bool fetched,
                                    const FoundWatch& watch) {
    return source.asking_again([&]() -> Result<FoundPackages> {
        OSIEKIT_ASSIGN(FoundPackages found, resolve_all(profile, source));
        if (!fetched) return found;
        return fetch_found(std::move(found), source, watch);
    });
}

}  // namespace osiekit::builder
