#include "builder/image/build.hpp"

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "builder/image/applets.hpp"
#include "builder/image/compose.hpp"
#include "builder/image/contents.hpp"
#include "builder/image/local_package.hpp"
#include "builder/image/lock_profile.hpp"
#include "lib/base/child.hpp"
#include "tests/unit/builder/build_site.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

TEST_CASE("applets are linked where nothing else is") {
    Tree package;
    REQUIRE(package.add(
        "etc/busybox-paths.d/busybox",
        Entry::file(FileContent::bytes("/bin/ls\n/usr/bin/vi\n"), "package alpine:busybox")));
    auto applets = read_applets(package);
    REQUIRE(applets);
    CHECK(*applets == std::vector<std::string>{"bin/ls", "usr/bin/vi"});
    auto links = applet_tree(*applets, [](const std::string& path) { return path == "bin/ls"; });
    REQUIRE(links);
    CHECK(links->find("bin/ls") == nullptr);
    REQUIRE(links->find("usr/bin/vi") != nullptr);
    CHECK(links->find("usr/bin/vi")->target == "/bin/busybox");

    auto listing = [](const std::string& text) {
        Tree tree;
        REQUIRE(tree.add("etc/busybox-paths.d/a", Entry::file(FileContent::bytes(text), "x")));
        return read_applets(tree);
    };
    CHECK_FALSE(listing("../../etc/shadow\n"));
    std::string many;
    for (std::size_t i = 0; i < most_applets; ++i) many += "a" + std::to_string(i) + "\n";
    CHECK(listing(many));
    CHECK(listing(many + "one-more\n").error().kind() == ErrorKind::limit);
}

TEST_CASE("packages are taken with what they depend on, or alone") {
    BuildSite site;
    auto source = std::make_shared<TestSource>(site.packages);
    site.options.packages = source;
    auto alone = site.build("packages: {debian: [tool], no-deps: [tool], exclude: [perl-base]}\n");
    REQUIRE(alone);
    CHECK(alone->packages.size() == 2);  // the kernel, and once the tool
    REQUIRE(source->queries.size() == 2);
    CHECK(source->queries[0].dependencies.key() == "follow:linux-image-");
    const PackageQuery& query = source->queries[1];
    CHECK(query.packages.empty());
    REQUIRE(query.no_deps.size() == 1);
    CHECK(query.no_deps[0].name == "tool");
    REQUIRE(query.exclude.size() == 1);
    CHECK(query.exclude[0].where == (site.folder / "p.yaml").string() + ":4");
    source->queries.clear();
    REQUIRE(site.build("packages: [tool]\n"));
    CHECK(source->queries[1].packages.size() == 1);
    CHECK(source->queries[1].dependencies.any());
}

TEST_CASE("packages that bring no kernel, or a kernel that cannot unpack zstd, are refused") {
    BuildSite site;
    auto kernel = site.packages["linux-image-test"];
    site.packages["linux-image-test"] = site.packages["tool"];
    CHECK(site.failure("").find("brings no kernel") != std::string::npos);
    PackageSpec old = kernel_package();
    old.files[1].second = "CONFIG_RD_GZIP=y\n";
    site.packages["linux-image-test"] = make_deb(site.folder.path(), old);
    CHECK(site.failure("").find("cannot unpack zstd: its configuration lacks CONFIG_RD_ZSTD") !=
          std::string::npos);
    CHECK(site.build("compression: {method: gzip}\n"));
    CHECK(site.build("compression: {method: none}\n"));
    std::filesystem::remove_all(site.options.out);
    CHECK(site.failure("compression: {method: lz4}\n").find("compress with gzip or none") !=
          std::string::npos);
    PackageSpec broken = kernel_package();
    broken.files.back().second = "no module";
    site.packages["linux-image-test"] = make_deb(site.folder.path(), broken);
    CHECK(site.failure("").find("unused.ko: not a usable ELF file") != std::string::npos);
    PackageSpec mixed = kernel_package();
    mixed.files.emplace_back("lib/modules/6.2-test/modules.order", "");
    site.packages["linux-image-test"] = make_deb(site.folder.path(), mixed);
    CHECK(site.failure("").find("modules for 6.2-test") != std::string::npos);
}

TEST_CASE("a kernel package beside the profile must be for the profile's architecture") {
    BuildSite site;
    spill(site.folder / "p.yaml",
          "name: test\narch: arm64\n"
          "kernel: {package: linux-image-test.deb, repository: file}\n");
    auto profile = load_profile(site.folder / "p.yaml");
    REQUIRE(profile);
    auto image = build_image(*profile, site.options);
    REQUIRE_FALSE(image);
    CHECK(image.error().message().find("is for the architecture amd64, the profile for arm64") !=
          std::string::npos);
}

namespace {

// Finds the packages of another source; of some the file is gone by the time that they are used.
class Vanishing final : public PackageSource {
  public:
    explicit Vanishing(const std::map<std::string, std::filesystem::path>& files)
        : source_(files) {}
    Result<std::vector<LocatedPackage>> resolve(const PackageQuery& query) override {
        return source_.resolve(query);
    }
    Result<std::vector<LocatedPackage>> fetch(std::vector<LocatedPackage> packages,
                                              const FetchWatch& watch) override {
        for (LocatedPackage& package : packages) {
            if (gone.count(package.name) != 0) package.file += ".gone";
            OSIEKIT_TRY(watch.tell(package));
        }
        return packages;
    }
    std::set<std::string> gone;

  private:
    TestSource source_;
};

}  // namespace

TEST_CASE("another list of modules leaves packages alone that hold no firmware") {
    BuildSite site;
    site.packages["firm"] = make_deb(
        site.folder.path(), {"firm", "1", {{"lib/firmware/top/fw.bin", "for the module top"}}});
    auto source = std::make_shared<Vanishing>(site.packages);
    site.options.packages = source;
    auto profile = [](const std::string& modules) {
        return "modules: {load: [" + modules + "]}\nfirmware: needed\npackages: [tool, firm]\n";
    };
    auto first = site.build(profile("low"));
    if (!first) FAIL(first.error().to_string());
    CHECK(find(site.inspect(), "lib/firmware/top/fw.bin") == nullptr);
    source->gone = {"tool"};
    auto second = site.build(profile("low, top"));
    if (!second) FAIL(second.error().to_string());
    CHECK(find(site.inspect(), "lib/firmware/top/fw.bin") != nullptr);
    CHECK(find(site.inspect(), "usr/bin/tool") != nullptr);
    // Nor does it matter to them what else is wanted of firmware.
    source->gone = {"tool", "firm"};
    CHECK(site.build(profile("low, top")));
    source->gone = {"tool"};
    CHECK(site.build("modules: {load: [top]}\npackages: [tool, firm]\n"));
    source->gone = {"firm"};
    std::filesystem::remove_all(site.options.out);
    CHECK(site.failure("modules: {load: [top]}\nfirmware: [top/*]\npackages: [tool, firm]\n")
              .find("firm.deb.gone") != std::string::npos);
}

TEST_CASE("a dynamic program brings its libraries with it or is refused with what is missing") {
    BuildSite site;
    const std::string file = "files: [{path: /opt/ls, source: /usr/bin/ls, mode: 0755";
    std::string refused = site.failure(file + "}]\n");
    CHECK(refused.find("/opt/ls (") != std::string::npos);
    CHECK(refused.find("p.yaml:4) lacks /lib64/ld-linux-x86-64.so.2") != std::string::npos);
    CHECK(refused.find("libc.so.6 (looked for in /lib/x86_64-linux-gnu, ") != std::string::npos);
    auto optional = site.build(file + "}]\nlibraries: {optional: [/opt/*]}\n");
    if (!optional) FAIL(optional.error().to_string());
    REQUIRE(optional->warnings.size() == 1);
    CHECK(optional->warnings.front().find("lacks /lib64/ld-linux-x86-64.so.2") !=
          std::string::npos);
    auto image = site.build(file + ", libraries: host}]\n");
    if (!image) FAIL(image.error().to_string());
    CHECK(image->warnings.empty());
    Inspection inspection = site.inspect();
    CHECK(inspection.complete);
    CHECK(find(inspection, "lib64/ld-linux-x86-64.so.2") != nullptr);
    CHECK(find(inspection, "lib/x86_64-linux-gnu/libc.so.6") != nullptr);
    auto inputs =
        lock_inputs(*load_profile(site.folder / "p.yaml"), site.options.programs, 0, LocalFiles());
    REQUIRE(inputs);
    auto locked = std::find_if(inputs->files.begin(), inputs->files.end(),
                               [](const LockedDigest& file_digest) {
                                   return file_digest.name == "/lib/x86_64-linux-gnu/libc.so.6";
                               });
    REQUIRE(locked != inputs->files.end());
    CHECK(locked->digest == *Sha256::of_file("/lib/x86_64-linux-gnu/libc.so.6"));
}

TEST_CASE("what a package's programs need is known though the package comes from the cache") {
    BuildSite site;
    PackageSpec libraries;
    libraries.name = "libraries";
    libraries.files = {{"lib64/ld-linux-x86-64.so.2", slurp("/lib64/ld-linux-x86-64.so.2")},
                       {"opt/lib/libc.so.6", slurp("/lib/x86_64-linux-gnu/libc.so.6")}};
    PackageSpec configuration;
    configuration.name = "configuration";
    configuration.files = {{"etc/ld.so.conf", "/opt/lib\n"}};
    PackageSpec program;
    program.name = "program";
    // It has to be executable, which files of a specification are not.
    std::filesystem::create_directories(site.folder / "program.root/usr/bin");
    std::filesystem::copy_file("/usr/bin/true", site.folder / "program.root/usr/bin/true");
    for (const PackageSpec& spec : {libraries, configuration, program})
        site.packages[spec.name] = make_deb(site.folder.path(), spec);
    const std::string all = "packages: [program, libraries, configuration]\n";
    // Without the configuration the cache of the loader lacks the folder.
    CHECK(site.failure("packages: [program, libraries]\n")
              .find("/usr/bin/true (package file:program) lacks libc.so.6") != std::string::npos);
    for (int pass = 0; pass < 2; ++pass) {
        auto image = site.build(all);
        if (!image) FAIL(image.error().to_string());
        std::size_t cached = 0;
        for (const Segment& segment : image->segments)
            cached += segment.name.starts_with("package ") && segment.from_cache ? 1 : 0;
        CHECK(cached >= (pass == 0 ? 0 : 3));
        CHECK(find(site.inspect(), "etc/ld.so.cache") != nullptr);
    }
    auto without = site.build("packages: [program, configuration]\n");
    REQUIRE_FALSE(without);
    CHECK(without.error().to_string().find("lacks /lib64/ld-linux") != std::string::npos);
}

TEST_CASE("firmware that is in the image is not missed") {
    BuildSite site;
    auto image = site.build(full_profile + "directories: [/lib/firmware/top]\n");
    REQUIRE(image);
    CHECK(image->warnings.size() == 1);
    spill(site.folder / "fw", "bytes");
    image = site.build(
        "modules: {include: [top]}\nfiles: [{path: /lib/firmware/top/fw.bin, source: fw}]\n");
    REQUIRE(image);
    CHECK(image->warnings.empty());
}

TEST_CASE("firmware of packages is chosen, and what is missing is in the manifest") {
    BuildSite site;
    PackageSpec firmware;
    firmware.name = "firmware";
    firmware.files = {{"lib/firmware/top/fw.bin", "bytes"}, {"lib/firmware/top/old.bin", "bytes"}};
    site.packages["firmware"] = make_deb(site.folder.path(), firmware);
    const std::string all = "modules: {include: [top]}\npackages: [firmware]\n";
    auto has = [&](const char* name) {
        return find(site.inspect(), std::string("lib/firmware/top/") + name) != nullptr;
    };
    auto missing = [&] {
        return nlohmann::json::parse(
            slurp(site.options.out / "manifest.json"))["modules"]["missing_firmware"];
    };
    // Each twice: made, and from the cache.
    for (int pass = 0; pass < 2; ++pass) {
        REQUIRE(site.build(all));
        CHECK((has("fw.bin") && has("old.bin")));
        CHECK(missing() == nlohmann::json::object());
        REQUIRE(site.build(all + "firmware: needed\n"));
        CHECK((has("fw.bin") && !has("old.bin")));
        auto none = site.build(all + "firmware: none\n");
        REQUIRE(none);
        CHECK(none->warnings.empty());
        CHECK((!has("fw.bin") && !has("old.bin")));
        CHECK(missing() == nlohmann::json{{"top", {"top/fw.bin"}}});
        auto old = site.build(all + "firmware: [top/old.*]\n");
        REQUIRE(old);
        CHECK(old->warnings.size() == 1);
        CHECK((!has("fw.bin") && has("old.bin")));
    }
    auto wrong = site.build(all + "firmware: [none/*]\n");
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().to_string().find("p.yaml:6: no firmware in the image fits \"none/*\"") !=
          std::string::npos);
}
