#include "builder/image/lock_profile.hpp"

#include <algorithm>
#include <map>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

constexpr std::size_t most_told = 10;

// The local files of a profile, each with its place in it.
class FileDigests {
  public:
    FileDigests(const Profile& profile, const LocalFiles& local, LockInputs& inputs)
        : profile_(profile), local_(local), inputs_(inputs) {}

    Status add(const std::filesystem::path& file, const std::string& where) {
        OSIEKIT_ASSIGN(Sha256 digest, digest_of(file, where));
        add_once({locked_name(file, profile_.directory), digest});
        return {};
    }
    // All of a tree by one digest. Where it goes and whose it becomes is in the profile's keys, so
    // that the same source needs no second entry.
    Status add_tree(const TreeSpec& spec) {
        std::string name = locked_name(spec.source, profile_.directory);
        for (const LockedDigest& item : inputs_.files)
            if (item.name == name) return {};
        OSIEKIT_ASSIGN(Sha256 digest, local_.tree_digest(spec));
        inputs_.files.push_back({std::move(name), digest});
        return {};
    }
    Status add_libraries() {
        OSIEKIT_ASSIGN(std::vector<HostLibrary> libraries, local_.libraries(profile_));
        for (const HostLibrary& library : libraries) {
            auto digest = library.content.digest();
            if (!digest) return std::move(digest).error().context(library.where);
            // It may be a file of the profile as well, by its whole path.
            add_once({"/" + library.path, *digest});
        }
        return {};
    }
    Status add_program(const std::filesystem::path& folder, const ProgramSpec& program) {
        OSIEKIT_ASSIGN(Sha256 digest, digest_of(folder / program.name, program.where));
        inputs_.programs.push_back({program.name, digest});
        return {};
    }

  private:
    void add_once(LockedDigest item) {
        if (std::find(inputs_.files.begin(), inputs_.files.end(), item) == inputs_.files.end())
            inputs_.files.push_back(std::move(item));
    }
    Result<Sha256> digest_of(const std::filesystem::path& file, const std::string& where) const {
        auto content = local_.file(file);
        if (!content) return std::move(content).error().context(where);
        auto digest = content->digest();
        if (!digest) return std::move(digest).error().context(where);
        return digest;
    }

    const Profile& profile_;
    const LocalFiles& local_;
    LockInputs& inputs_;
};

// Every request with the list it stands in and its place.
std::vector<std::pair<LockedRequest, std::string>> requests_of(const Profile& profile) {
    std::vector<std::pair<LockedRequest, std::string>> requests;
    if (profile.kernel.repository != PackageSystem::file)
        requests.push_back({{"kernel", profile.kernel.package}, profile.kernel.where});
    for (const auto& [name, list] : {std::pair{"packages.debian", &profile.packages},
                                     std::pair{"packages.alpine", &profile.alpine_packages},
                                     std::pair{"packages.exclude", &profile.exclude},
                                     std::pair{"packages.no-deps", &profile.no_deps}})
        for (const PackageRequest& request : *list)
            requests.push_back({{name, request.name}, request.where});
    for (const CarriedSpec& image : profile.images)
        requests.push_back({{"images", image.name}, image.where});
    return requests;
}

// Where the profile says what a change is about.
std::string place_of(const Profile& profile, const LockChange& change) {
    if (change.kind == "request")
        for (const auto& [request, where] : requests_of(profile))
            if (request.list + " " + request.name == change.name) return where + ": ";
    if (change.kind == "key")
        for (const ProfileKey& key : profile.keys)
            if (key.name == change.name) return key.where + ": ";
    if (change.kind == "variable") {
        auto found = profile.variables.find(change.name);
        if (found != profile.variables.end()) return found->second.where + ": ";
    }
    return "";
}

std::string sentence(const LockChange& change) {
    std::string name = printable(change.name);
    if (change.kind == "setting")
        return change.name + " is " + printable(change.after) + ", and in the lock " +
               printable(change.before);
    std::string what = change.kind + " " + name;
    if (change.before.empty()) return "the " + what + " is not in the lock";
    if (change.after.empty()) return "the lock has the " + what + ", and the profile has not";
    return "the " + what + " is not what it was when the lock was made";
}

class LockedSource final : public PackageSource {
  public:
    LockedSource(Lock lock, std::string kernel_key, std::shared_ptr<PackageSource> repositories)
        : lock_(std::move(lock)),
          kernel_key_(std::move(kernel_key)),
          repositories_(std::move(repositories)) {}

    Result<std::vector<LocatedPackage>> resolve(const PackageQuery& query) override {
        if (query.system == PackageSystem::file) return repositories_->resolve(query);
        std::string use = query.key() == kernel_key_ ? "kernel" : "image";
        std::vector<LocatedPackage> packages;
        for (const LockedPackage& locked : lock_.packages) {
            bool used = std::find(locked.uses.begin(), locked.uses.end(), use) != locked.uses.end();
            if (!used || locked.system != to_string(query.system)) continue;
            LocatedPackage package;
            package.system = query.system;
            package.name = locked.name;
            package.version = locked.version;
            package.architecture = locked.architecture;
            package.suite = locked.suite;
            package.component = locked.component;
            package.location = locked.location;
            package.source = locked.source;
            package.source_version = locked.source_version;
            package.license = locked.license;
            package.identity = locked.identity;
            package.digest = locked.digest;
            package.size = locked.size;
            packages.push_back(std::move(package));
        }
        return packages;
    }
    Result<std::vector<LocatedPackage>> fetch(std::vector<LocatedPackage> packages,
                                              const FetchWatch& watch) override {
        auto fetched = repositories_->fetch(packages, watch);
        if (fetched) return fetched;
        Error error = std::move(fetched).error();
        ErrorKind kind = error.kind();
        if (kind != ErrorKind::not_found && kind != ErrorKind::digest) return error;
        std::string text = error.to_string();
        // An image's error names it; its location is that of its other tags as well.
        for (const LocatedPackage& package : packages)
            if (package.system != PackageSystem::oci &&
                text.find(package.location) != std::string::npos)
                return Error(kind, "the package " + package.to_string() +
                                       " of the lock cannot be had any more: " +
                                       (error.message().empty() ? text : error.message()))
                    .hint(
                        "configure a mirror that still has it (an archive of past states), build "
                        "with a cache that has it, or move on: osiekit lock PROFILE --update " +
                        package.name);
        return error;
    }

  private:
    Lock lock_;
    std::string kernel_key_;
    std::shared_ptr<PackageSource> repositories_;
};

}  // namespace

// Seen from the profile's folder where it lies in it, or was written relative to it; else where it
// is. So a lock says the same wherever the folder lies and whatever the profile was called by.
std::string locked_name(const std::filesystem::path& file, const std::filesystem::path& folder) {
    std::filesystem::path base = folder.empty() ? "." : folder;
    bool written_relative = file.is_relative() || (folder.is_absolute() &&
                                                   file.string().starts_with(base.string() + "/"));
    auto plain = [](const std::filesystem::path& path) {
        return std::filesystem::absolute(path).lexically_normal();
    };
    auto relative = plain(file).lexically_relative(plain(base / "."));
    if (!written_relative && *relative.begin() == "..") return plain(file).string();
    return relative.string();
}

std::filesystem::path default_lock_file(const std::filesystem::path& profile) {
    std::filesystem::path lock = profile;
    return lock.replace_extension(".lock");
}

Result<LockInputs> lock_inputs(const Profile& profile, const std::filesystem::path& programs,
                               std::uint32_t mtime, const LocalFiles& local) {
    LockInputs inputs;
    inputs.profile = profile.name;
    inputs.architecture = profile.architecture;
    inputs.builder = OSIEKIT_VERSION;
    const CompressionOptions& compression = profile.compression;
    inputs.compression = std::string(to_string(compression.method)) + " " +
                         std::to_string(compression.level) + " " +
                         std::to_string(compression.window_log);
    inputs.library = compression_library(compression.method);
    inputs.mtime = mtime;
    for (const ProfileKey& key : profile.keys) inputs.keys.push_back({key.name, key.digest});
    for (const auto& [name, variable] : profile.variables)
        if (variable.value) inputs.variables.push_back({name, Sha256::of(*variable.value)});
    for (const auto& [request, where] : requests_of(profile)) inputs.requests.push_back(request);
    FileDigests files(profile, local, inputs);
    if (profile.kernel.repository == PackageSystem::file)
        OSIEKIT_TRY(files.add(profile.kernel.package, profile.kernel.where));
    for (const FileSpec& file : profile.files)
        if (file.source) OSIEKIT_TRY(files.add(*file.source, file.where));
    if (const auto& policy = profile.agent.policy_file)
        OSIEKIT_TRY(files.add(*policy, profile.agent.policy_where));
    OSIEKIT_TRY(files.add_libraries());
    for (const TreeSpec& tree : profile.trees) OSIEKIT_TRY(files.add_tree(tree));
    for (const ProgramSpec& program : profile.programs)
        OSIEKIT_TRY(files.add_program(programs, program));
    return inputs;
}

Result<std::vector<LockedPackage>> lock_packages(const FoundPackages& found) {
    std::map<std::string, LockedPackage> locked;
    for (const auto& [use, list] :
         {std::pair{"kernel", &found.kernel}, std::pair{"image", &found.image}})
        for (const LocatedPackage& package : *list) {
            if (package.system == PackageSystem::file) continue;
            if (!package.digest_known)
                return Error(ErrorKind::internal,
                             "the digest of the package " + package.to_string() + " is not known");
            std::string system(to_string(package.system));
            LockedPackage& entry = locked[system + "\n" + package.name + "\n" + package.version +
                                          "\n" + package.architecture];
            entry.system = system;
            entry.name = package.name;
            entry.version = package.version;
            entry.architecture = package.architecture;
            if (std::find(entry.uses.begin(), entry.uses.end(), use) == entry.uses.end())
                entry.uses.emplace_back(use);
            entry.suite = package.suite;
            entry.component = package.component;
            entry.location = package.location;
            entry.source = package.source;
            entry.source_version = package.source_version;
            entry.license = package.license;
            entry.identity = package.identity;
            entry.size = package.size;
            entry.digest = package.digest;
        }
    std::vector<LockedPackage> packages;
    for (auto& [key, package] : locked) packages.push_back(std::move(package));
    return packages;
}

Result<Lock> read_lock(const std::filesystem::path& file) {
    auto text = read_file(file, largest_lock);
    if (text) return parse_lock(*text, file.string());
    if (text.error().kind() != ErrorKind::not_found) return std::move(text).error();
    return Error(ErrorKind::not_found, "there is no lock file " + file.string())
        .hint("make it: osiekit lock PROFILE");
}

std::vector<std::string> disagreements(const Profile& profile, const LockInputs& lock,
                                       const LockInputs& now) {
    std::vector<std::string> told;
    auto changes = diff_inputs(lock, now);
    for (const LockChange& change : changes)
        told.push_back(place_of(profile, change) + sentence(change));
    return told;
}

Result<std::shared_ptr<PackageSource>> locked_packages(
    const Profile& profile, const std::filesystem::path& lock,
    const std::filesystem::path& programs, std::uint32_t mtime, const LocalFiles& local,
    std::shared_ptr<PackageSource> repositories) {
    OSIEKIT_ASSIGN(Lock locked, read_lock(lock));
    OSIEKIT_ASSIGN(LockInputs now, lock_inputs(profile, programs, mtime, local));
    std::vector<std::string> told = disagreements(profile, locked.inputs, now);
    if (!told.empty()) {
        std::size_t all = told.size();
        if (all > most_told) {
            told.resize(most_told);
            told.push_back("and " + std::to_string(all - most_told) + " more");
        }
        return Error(ErrorKind::refused,
                     "the profile and " + lock.string() + " disagree:\n  " + join(told, "\n  "))
            .hint("bring the lock in line: osiekit lock PROFILE");
    }
    std::string kernel_key = package_queries(profile).kernel.key();
    return std::shared_ptr<PackageSource>(std::make_shared<LockedSource>(
        std::move(locked), std::move(kernel_key), std::move(repositories)));
}

}  // namespace osiekit::builder
