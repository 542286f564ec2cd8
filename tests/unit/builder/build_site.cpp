#include "tests/unit/builder/build_site.hpp"

#include "builder/image/local_package.hpp"

namespace osiekit::builder::test {

Result<std::vector<LocatedPackage>> TestSource::resolve(const PackageQuery& query) {
    std::vector<LocatedPackage> located;
    for (const auto* list : {&query.packages, &query.no_deps}) {
        for (const PackageRequest& request : *list) {
            const std::string& name = request.name;
            auto found = files_.find(name);
            bool named = query.system != PackageSystem::file;
            if (named && found == files_.end())
                return Error(ErrorKind::not_found, "no package " + name);
            std::filesystem::path file = named ? found->second : std::filesystem::path(name);
            OSIEKIT_ASSIGN(LocatedPackage package, local_package(file));
            located.push_back(std::move(package));
        }
    }
    queries.push_back(query);
    return located;
}

Result<std::vector<LocatedPackage>> TestSource::fetch(std::vector<LocatedPackage> packages,
                                                      const FetchWatch& watch) {
    for (const LocatedPackage& package : packages) OSIEKIT_TRY(watch.tell(package));
    return packages;
}

BuildSite::BuildSite() : folder(*TempDir::create()) {
    packages["linux-image-test"] = make_deb(folder.path(), kernel_package());
    PackageSpec tool;
    tool.name = "tool";
    tool.files = {{"usr/bin/tool", "#!/usr/bin/interpreter\n"},
                  {"usr/bin/interpreter", make_program()},
                  {"usr/share/doc/tool/copyright", "long text"}};
    packages["tool"] = make_deb(folder.path(), tool);
    std::filesystem::create_directories(folder / "programs");
    spill(folder / "programs/osie-init", make_program());
    spill(folder / "programs/tink-worker", make_program());
    spill(folder / "motd", "welcome\n");
    options.out = folder / "out";
    options.cache = folder / "cache";
    options.programs = folder / "programs";
    options.parallel = 2;
    options.packages = std::make_shared<TestSource>(packages);
}

std::string BuildSite::text(const std::string& more) {
    return "name: test\narch: amd64\nkernel: {package: linux-image-test, cmdline: quiet}\n" + more;
}

Result<BuiltImage> BuildSite::build(const std::string& more) {
    spill(folder / "p.yaml", text(more));
    auto profile = load_profile(folder / "p.yaml");
    if (!profile) return std::move(profile).error();
    return build_image(*profile, options);
}

std::string BuildSite::failure(const std::string& more) {
    auto image = build(more);
    INFO(more);
    REQUIRE_FALSE(image);
    CHECK_FALSE(std::filesystem::exists(options.out / "initramfs"));
    return image.error().to_string();
}

Inspection BuildSite::inspect() const {
    auto inspection = inspect_initramfs(slurp(options.out / "initramfs"));
    REQUIRE(inspection);
    return *inspection;
}

const std::string full_profile =
    "modules: {load: [low, ext4], include: [top]}\n"
    "packages: [tool]\n"
    "files: [{path: /etc/motd, source: motd}, {path: /root/key, content: k, mode: 0600}]\n"
    "symlinks: [{path: /etc/mtab, target: /proc/mounts}]\n";

const InspectedEntry* find(const Inspection& inspection, const std::string& path) {
    const InspectedEntry* found = nullptr;  // the last one counts, as in the kernel
    for (const InspectedSegment& segment : inspection.segments)
        for (const InspectedEntry& entry : segment.entries)
            if (entry.path == path) found = &entry;
    return found;
}

}  // namespace osiekit::builder::test
