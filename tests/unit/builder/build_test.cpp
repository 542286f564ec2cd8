#include "builder/image/build.hpp"
#include "builder/image/applets.hpp"

#include <nlohmann/json.hpp>

#include "builder/image/compose.hpp"
#include "builder/image/contents.hpp"
#include "builder/image/inspect.hpp"
#include "builder/image/local_package.hpp"
#include "builder/image/lock_profile.hpp"
#include "lib/base/child.hpp"
#include "tests/unit/builder/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace {

// Gives the packages of a map, by name.
class TestSource final : public PackageSource {
  public:
    using Files = std::map<std::string, std::filesystem::path>;
    explicit TestSource(const Files& files) : files_(files) {}

    Result<std::vector<LocatedPackage>> resolve(const PackageQuery& query) override {
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
    Result<std::vector<LocatedPackage>> fetch(std::vector<LocatedPackage> packages,
                                              const FetchWatch& watch) override {
        for (const LocatedPackage& package : packages) OSIEKIT_TRY(watch.tell(package));
        return packages;
    }
    std::vector<PackageQuery> queries;

  private:
    const Files& files_;
};

// A folder with everything that a build needs: packages, programs, a profile.
struct Site {
    TempDir folder;
    std::map<std::string, std::filesystem::path> packages;
    BuildOptions options;

    Site() : folder(*TempDir::create()) {
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

    static std::string text(const std::string& more) {
        return "name: test\narch: amd64\nkernel: {package: linux-image-test, cmdline: quiet}\n" +
               more;
    }
    Result<BuiltImage> build(const std::string& more) {
        spill(folder / "p.yaml", text(more));
        auto profile = load_profile(folder / "p.yaml");
        if (!profile) return std::move(profile).error();
        return build_image(*profile, options);
    }
    std::string failure(const std::string& more) {
        auto image = build(more);
        INFO(more);
        REQUIRE_FALSE(image);
        CHECK_FALSE(std::filesystem::exists(options.out / "initramfs"));
        return image.error().to_string();
    }
    Inspection inspect() const {
        auto inspection = inspect_initramfs(slurp(options.out / "initramfs"));
        REQUIRE(inspection);
        return *inspection;
    }
};

constexpr std::uint16_t elf_machine_other = 243;  // RISC-V

const std::string full =
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

}  // namespace

TEST_CASE("a profile becomes kernel, initramfs and manifest") {
    Site site;
    auto image = site.build(full);
    if (!image) FAIL(image.error().to_string());
    CHECK(slurp(site.options.out / "vmlinuz") == "a kernel");
    Inspection inspection = site.inspect();
    CHECK(inspection.complete);
    CHECK(inspection.segments.size() == 6);
    for (const InspectedSegment& segment : inspection.segments) CHECK(segment.offset % 4 == 0);
    for (const char* path :
         {"init", "usr/bin/tink-worker", "usr/bin/tool", "etc/motd", "etc/mtab", "dev/console",
          "worker", "statedir", "lib/modules/6.1-test/kernel/net/top.ko",
          "lib/modules/6.1-test/kernel/net/side.ko", "lib/modules/6.1-test/modules.alias"}) {
        INFO(path);
        CHECK(find(inspection, path) != nullptr);
    }
    CHECK(find(inspection, "lib/modules/6.1-test/kernel/net/unused.ko") == nullptr);
    CHECK(find(inspection, "usr/share/doc/tool/copyright") == nullptr);
    // A directory above a site file keeps the mode that the base gave it.
    CHECK((find(inspection, "root")->mode & 07777) == 0700);
    auto manifest = nlohmann::json::parse(slurp(site.options.out / "manifest.json"));
    CHECK(manifest["kernel"]["version"] == "6.1-test");
    CHECK(manifest["modules"]["load"] == nlohmann::json{"low"});
    CHECK(manifest["modules"]["builtin"] == nlohmann::json{"ext4"});
    CHECK(manifest["modules"]["included"] == nlohmann::json{"low", "mid_dle", "side", "top"});
    CHECK(manifest["modules"]["firmware"] == nlohmann::json{"top/fw.bin"});
    CHECK(manifest["initramfs"]["size"] == slurp(site.options.out / "initramfs").size());
    CHECK(manifest["packages"].size() == 2);
    CHECK(manifest["segments"].size() == 6);
    REQUIRE(image->warnings.size() == 1);
    CHECK(image->warnings[0].ends_with("not in it: top/fw.bin (top)"));
    CHECK(manifest["least_ram"] > manifest["least_ram_with_initramfs_options"]);
}

TEST_CASE("cpio unpacks the image, and init.json says what the profile said") {
    Site site;
    REQUIRE(site.build(full + "init: {hostname: rack, ntp: [time.example]}\n"));
    std::string script =
        "cd \"$1\" && mkdir root && zstd -dqc out/initramfs | "
        "(cd root && while cpio -idm --quiet --no-preserve-owner 2>/dev/null; do :; done); true";
    auto unpacked = run_command({"sh", "-c", script, "sh", site.folder.path().string()});
    REQUIRE(unpacked);
    auto init = nlohmann::json::parse(slurp(site.folder / "root/etc/osie/init.json"));
    CHECK(init["hostname"] == "rack");
    CHECK(init["modules"] == nlohmann::json{"low"});
    CHECK(init["built"] > 0);
    CHECK(init["ntp"] == nlohmann::json{"time.example"});
    CHECK(init["services"][0]["command"][0] == "/usr/bin/tink-worker");
}

TEST_CASE("the same inputs give the same bytes, whatever is in the cache") {
    Site site;
    REQUIRE(site.build(full));
    std::string image = slurp(site.options.out / "initramfs");
    std::string manifest = slurp(site.options.out / "manifest.json");
    auto warm = site.build(full);
    REQUIRE(warm);
    for (const Segment& segment : warm->segments) CHECK(segment.from_cache);
    CHECK(slurp(site.options.out / "initramfs") == image);
    site.options.cache = site.folder / "other-cache";
    site.options.parallel = 1;
    REQUIRE(site.build(full));
    CHECK(slurp(site.options.out / "initramfs") == image);
    CHECK(slurp(site.options.out / "manifest.json") == manifest);
    site.options.mtime = 1;
    REQUIRE(site.build(full));
    CHECK(slurp(site.options.out / "initramfs") != image);
    for (const InspectedSegment& segment : site.inspect().segments)
        for (const InspectedEntry& entry : segment.entries) CHECK(entry.mtime == 1);
}

TEST_CASE("the manifest names the source of every file") {
    Site site;
    PackageSpec tool;
    tool.name = "tool";
    tool.files = {{"usr/bin/tool", make_program()},
                  {"usr/share/doc/tool/copyright",
                   "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"
                   "Files: *\nCopyright: x\nLicense: Expat\n"}};
    site.packages["tool"] = make_deb(site.folder.path(), tool);
    std::filesystem::create_directories(site.folder / "shared");
    spill(site.folder / "shared/base.yaml",
          "files: [{path: /etc/issue, content: \"${secret}\"}]\n"
          "variables: {secret: hush}\n");
    std::string more = full + "extends: shared/base.yaml\n";
    REQUIRE(site.build(more));
    std::string text = slurp(site.options.out / "manifest.json");
    auto manifest = nlohmann::json::parse(text);
    auto segment = [&](const std::string& name) {
        for (const auto& item : manifest["segments"])
            if (item["name"] == name) return item;
        FAIL(name);
        return nlohmann::json();
    };
    CHECK(segment("package file:tool")["source"] == "package file:tool");
    // Three modules, and five indexes that are made for them.
    CHECK(segment("modules")["source"] == "builder");
    auto modules = segment("modules")["other_sources"]["package file:linux-image-test"];
    CHECK(std::find(modules.begin(), modules.end(), "lib/modules/6.1-test/kernel/net/top.ko") !=
          modules.end());
    CHECK(segment("program tink-worker")["source"] == "program tink-worker");
    auto of_site = segment("site");
    auto from = [&](const std::string& path) {
        for (const auto& [source, paths] : of_site["other_sources"].items())
            if (std::find(paths.begin(), paths.end(), path) != paths.end()) return source;
        return of_site["source"].get<std::string>();
    };
    CHECK(from("etc/motd") == "profile p.yaml:6");
    CHECK(from("etc/issue") == "profile shared/base.yaml:1");
    CHECK(from("etc/osie/complete") == "builder");
    CHECK(manifest["packages"][1]["license"] == "MIT");
    CHECK_FALSE(manifest["packages"][0].contains("license"));
    // local_package() says "file", whose path on this machine is not told.
    CHECK(manifest["packages"][0]["system"] == "file");
    CHECK_FALSE(manifest["packages"][0].contains("location"));
    REQUIRE(manifest["profile"]["files"].size() == 2);
    CHECK(manifest["profile"]["files"][0]["name"] == "p.yaml");
    CHECK(manifest["profile"]["files"][1]["name"] == "shared/base.yaml");
    CHECK(manifest["profile"]["files"][1]["digest"] ==
          Sha256::of(slurp(site.folder / "shared/base.yaml")).oci());
    CHECK(manifest["profile"]["variables"]["secret"] == Sha256::of("hush").oci());
    CHECK(text.find("hush") == std::string::npos);
    REQUIRE(site.build(more));  // now from the cache
    CHECK(slurp(site.options.out / "manifest.json") == text);
}

TEST_CASE("a kernel that lets the root file system grow is told so") {
    Site site;
    auto image = site.build("");
    REQUIRE(image);
    CHECK(image->cmdline == "quiet");
    PackageSpec newer = kernel_package();
    newer.files[0].second = std::string("kernel\0initramfs_options=\0", 26);
    site.packages["linux-image-test"] = make_deb(site.folder.path(), newer);
    for (bool warm : {false, true}) {
        INFO(warm);
        image = site.build("");
        REQUIRE(image);
        CHECK(image->cmdline == "initramfs_options=size=90% quiet");
        auto manifest = nlohmann::json::parse(slurp(site.options.out / "manifest.json"));
        CHECK(manifest["kernel"]["cmdline"] == image->cmdline);
    }
}

TEST_CASE("a change costs only its own segment") {
    Site site;
    REQUIRE(site.build(full));
    spill(site.folder / "programs/tink-worker", make_program() + "new");
    auto image = site.build(full);
    REQUIRE(image);
    for (const Segment& segment : image->segments) {
        INFO(segment.name);
        CHECK(segment.from_cache == (segment.name != "program tink-worker"));
    }
}

TEST_CASE("a damaged cache is noticed and made again") {
    Site site;
    REQUIRE(site.build(full));
    std::string image = slurp(site.options.out / "initramfs");
    for (const auto& file :
         std::filesystem::recursive_directory_iterator(site.options.cache / "recipes"))
        spill(file.path(), slurp(file.path()) + " ");
    for (const auto& file :
         std::filesystem::recursive_directory_iterator(site.options.cache / "blobs"))
        if (file.is_regular_file()) spill(file.path(), "damaged");
    auto again = site.build(full);
    if (!again) FAIL(again.error().to_string());
    CHECK(slurp(site.options.out / "initramfs") == image);
}

TEST_CASE("what is wrong is said, and nothing is left half-written") {
    Site site;
    std::string p = (site.folder / "p.yaml").string();
    CHECK(site.failure("modules:\n  include:\n    - midle\n") ==
          p + ":6: this kernel has no module \"midle\" (hint: did you mean \"mid_dle\"?)");
    CHECK(site.failure("packages: [nothing]\n").find("no package nothing") != std::string::npos);
    CHECK(site.failure("files: [{path: /init, content: x}]\n").find("/init comes from program") ==
          0);
    CHECK(site.failure("init: {services: [{name: a, command: [/bin/none]}]}\n")
              .find("the service a runs /bin/none, which is not in the image") == 0);
    CHECK(site.failure("programs: {tink-worker: /usr/bin/tink-worker}\n").find("has no /init") !=
          std::string::npos);
    std::string missing = site.failure("programs:\n  osie-init: /init\n  helper: /helper\n");
    CHECK(missing.find(p + ":6: there is no program " +
                       (site.folder / "programs/helper").string()) == 0);
    CHECK(missing.find("--target helper") != std::string::npos);
    spill(site.folder / "programs/osie-init", make_program("/lib64/ld.so"));
    CHECK(site.failure("").find("lacks /lib64/ld.so") != std::string::npos);
    spill(site.folder / "programs/osie-init", make_program("", elf_machine_other));
    CHECK(site.failure("").find("not for the architecture amd64") != std::string::npos);
    spill(site.folder / "programs/osie-init", "text");
    CHECK(site.failure("").find("neither an ELF program nor a script") != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(site.options.out / "vmlinuz"));
}

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
    Site site;
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
    Site site;
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
    Site site;
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

TEST_CASE("a dynamic program brings its libraries with it or is refused with what is missing") {
    Site site;
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
    auto inputs = lock_inputs(*load_profile(site.folder / "p.yaml"), site.options.programs, 0);
    REQUIRE(inputs);
    auto locked = std::find_if(inputs->files.begin(), inputs->files.end(),
                               [](const LockedDigest& file_digest) {
                                   return file_digest.name == "/lib/x86_64-linux-gnu/libc.so.6";
                               });
    REQUIRE(locked != inputs->files.end());
    CHECK(locked->digest == *Sha256::of_file("/lib/x86_64-linux-gnu/libc.so.6"));
}

TEST_CASE("what a package's programs need is known though the package comes from the cache") {
    Site site;
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
    Site site;
    auto image = site.build(full + "directories: [/lib/firmware/top]\n");
    REQUIRE(image);
    CHECK(image->warnings.size() == 1);
    spill(site.folder / "fw", "bytes");
    image = site.build(
        "modules: {include: [top]}\nfiles: [{path: /lib/firmware/top/fw.bin, source: fw}]\n");
    REQUIRE(image);
    CHECK(image->warnings.empty());
}

TEST_CASE("firmware of packages is chosen, and what is missing is in the manifest") {
    Site site;
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

TEST_CASE("a build writes what the profile calls its outputs") {
    Site site;
    REQUIRE(site.build("outputs: {kernel: linux, initramfs: osie.img, ipxe: boot.ipxe}\n"));
    for (const char* name : {"linux", "osie.img", "boot.ipxe", "manifest.json"})
        CHECK(std::filesystem::exists(site.options.out / name));
    for (const char* name : {"vmlinuz", "initramfs"})
        CHECK_FALSE(std::filesystem::exists(site.options.out / name));
    CHECK(slurp(site.options.out / "boot.ipxe") ==
          "#!ipxe\n# test\nkernel linux initrd=osie.img quiet\ninitrd osie.img\nboot\n");
    auto manifest = nlohmann::json::parse(slurp(site.options.out / "manifest.json"));
    CHECK(manifest["outputs"] == nlohmann::json{{"kernel", "linux"}, {"initramfs", "osie.img"}});
    auto contents = load_contents(site.options.out);
    if (!contents) FAIL(contents.error().to_string());
    CHECK(contents->manifest["name"] == "test");
}

TEST_CASE("an interrupted build leaves what was there") {
    Site site;
    REQUIRE(site.build(full));
    std::string image = slurp(site.options.out / "initramfs");
    spill(site.folder / "programs/osie-init", make_program() + "changed");
    site.options.cancelled = [] { return true; };
    auto stopped = site.build(full);
    REQUIRE_FALSE(stopped);
    CHECK(exit_status(stopped.error()) == 130);
    CHECK(slurp(site.options.out / "initramfs") == image);
    std::size_t files = 0;
    for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator(site.options.out))
        ++files;
    CHECK(files == 3);
}
