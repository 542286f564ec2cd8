#include "builder/image/plan.hpp"

#include "builder/image/local_package.hpp"
#include "lib/base/child.hpp"
#include "tests/unit/builder/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace {

// A repository: resolve() tells of packages that are only there after fetch(), in the cache that a
// build uses.
class MirrorSource final : public PackageSource {
  public:
    MirrorSource(std::filesystem::path mirror, const std::filesystem::path& cache)
        : mirror_(std::move(mirror)), cache_(BlobCache::open(cache).value()) {}

    Result<std::vector<LocatedPackage>> resolve(const PackageQuery& query) override {
        std::vector<LocatedPackage> located;
        for (const auto* list : {&query.packages, &query.no_deps}) {
            for (const PackageRequest& request : *list) {
                OSIEKIT_ASSIGN(LocatedPackage package,
                               local_package(mirror_ / (request.name + ".deb")));
                package.system = PackageSystem::debian;
                package.suite = "bookworm";
                package.component = "main";
                package.location = "pool/" + package.name + ".deb";
                package.file.clear();
                located.push_back(std::move(package));
            }
        }
        return located;
    }
    Result<std::vector<LocatedPackage>> fetch(std::vector<LocatedPackage> packages,
                                              const FetchWatch& watch) override {
        for (LocatedPackage& package : packages) {
            OSIEKIT_ASSIGN(std::string bytes, read_file(mirror_ / (package.name + ".deb")));
            OSIEKIT_ASSIGN(package.file, cache_.put(bytes, package.digest));
            fetched.push_back(package.name);
            OSIEKIT_TRY(watch.tell(package));
        }
        return packages;
    }
    std::vector<std::string> fetched;

  private:
    std::filesystem::path mirror_;
    BlobCache cache_;
};

struct PlanSite {
    TempDir folder = TempDir::create().value();
    std::shared_ptr<MirrorSource> mirror;
    BuildOptions options;

    PlanSite() {
        make_deb(folder.path(), kernel_package());
        PackageSpec tool;
        tool.name = "tool";
        tool.files = {{"usr/bin/tool", make_program()}};
        make_deb(folder.path(), tool);
        std::filesystem::create_directories(folder / "programs");
        spill(folder / "programs/osie-init", make_program());
        spill(folder / "programs/tink-worker", make_program());
        spill(folder / "motd", "welcome\n");
        std::filesystem::create_directories(folder / "tree");
        spill(folder / "tree/a", "1234567");
        mirror = std::make_shared<MirrorSource>(folder.path(), folder / "cache");
        options.out = folder / "out";
        options.cache = folder / "cache";
        options.programs = folder / "programs";
        options.packages = mirror;
    }
    Profile profile(const std::string& more = "") const {
        spill(folder / "p.yaml",
              "name: test\narch: amd64\nkernel: {package: linux-image-test}\n"
              "modules: {load: [low], include: [top]}\npackages: [tool]\n"
              "files: [{path: /etc/motd, source: motd}]\ntrees: [{source: tree, path: /srv}]\n" +
                  more);
        return load_profile(folder / "p.yaml").value();
    }
    ImagePlan plan(const std::string& more = "") const {
        auto made = plan_image(profile(more), options);
        if (!made) FAIL(made.error().to_string());
        return *std::move(made);
    }
};

const LocatedPackage& package_of(const ImagePlan& plan, const std::string& name) {
    for (const auto* list : {&plan.packages.kernel, &plan.packages.image})
        for (const LocatedPackage& package : *list)
            if (package.name == name) return package;
    FAIL(name);
    return plan.packages.kernel.front();
}

std::vector<std::string> names_of(const ImagePlan& plan, bool cached) {
    std::vector<std::string> names;
    for (const PlannedSegment& segment : plan.segments)
        if (segment.cached == cached) names.push_back(segment.name);
    return names;
}

}  // namespace

TEST_CASE("with an empty cache a plan names what would be fetched, and fetches nothing") {
    PlanSite site;
    ImagePlan plan = site.plan();
    CHECK(site.mirror->fetched.empty());
    CHECK_FALSE(std::filesystem::exists(site.folder / "out"));
    CHECK(plan.name == "test");
    CHECK_FALSE(plan.kernel);
    CHECK_FALSE(plan.known);
    CHECK(package_of(plan, "tool").file.empty());
    CHECK(package_of(plan, "linux-image-test").size ==
          std::filesystem::file_size(site.folder / "linux-image-test.deb"));
    CHECK(names_of(plan, true).empty());
    CHECK(names_of(plan, false).size() == 7);
    PlanTotals totals = totals_of(plan);
    CHECK(totals.fetched_packages == 2);
    CHECK(totals.fetched_bytes ==
          std::filesystem::file_size(site.folder / "tool.deb") +
              std::filesystem::file_size(site.folder / "linux-image-test.deb"));
    CHECK(totals.cached_packages == 0);
    CHECK(totals.made_segments == 7);
    CHECK_FALSE(totals.image_size);
}

TEST_CASE("a plan agrees with the build that follows, segment by segment") {
    PlanSite site;
    ImagePlan before = site.plan();
    auto image = build_image(site.profile(), site.options);
    if (!image) FAIL(image.error().to_string());
    site.mirror->fetched.clear();
    ImagePlan after = site.plan();
    CHECK(site.mirror->fetched.empty());
    CHECK(after.known);
    REQUIRE(after.kernel);
    CHECK(after.kernel->version == "6.1-test");
    REQUIRE(after.segments.size() == image->segments.size());
    REQUIRE(before.segments.size() == image->segments.size());
    for (std::size_t i = 0; i < after.segments.size(); ++i) {
        INFO(image->segments[i].name);
        CHECK(before.segments[i].name == image->segments[i].name);
        CHECK(after.segments[i].name == image->segments[i].name);
        CHECK(after.segments[i].cached);
        CHECK(after.segments[i].size == image->segments[i].size);
        CHECK(after.segments[i].unpacked == image->segments[i].unpacked);
    }
    PlanTotals totals = totals_of(after);
    CHECK(totals.fetched_packages == 0);
    CHECK(totals.cached_packages == 2);
    CHECK(totals.image_size == image->initramfs_size + image->kernel.vmlinuz_size);
    CHECK(after.warnings == image->warnings);
}

TEST_CASE("a plan shows what a change costs") {
    PlanSite site;
    REQUIRE(build_image(site.profile(), site.options));
    spill(site.folder / "motd", "bye\n");
    ImagePlan plan = site.plan();
    CHECK(names_of(plan, false) == std::vector<std::string>{"site"});
    CHECK(totals_of(plan).made_bytes > 0);
    auto built = build_image(site.profile(), site.options);
    REQUIRE(built);
    for (const Segment& segment : built->segments) {
        INFO(segment.name);
        CHECK(segment.from_cache == (segment.name != "site"));
    }
}

TEST_CASE("a conflict that a build would find is found by a plan once all is known") {
    PlanSite site;
    REQUIRE(build_image(site.profile(), site.options));
    auto made =
        plan_image(site.profile("symlinks: [{path: /usr/bin/tool, target: x}]\n"), site.options);
    REQUIRE_FALSE(made);
    CHECK(made.error().to_string().find("usr/bin/tool") != std::string::npos);
}

TEST_CASE("a plan names what comes from this machine") {
    PlanSite site;
    auto inputs = local_inputs(site.profile(), site.folder / "programs", LocalFiles());
    REQUIRE(inputs);
    std::vector<std::pair<std::string, std::uint64_t>> found;
    for (const LocalInput& input : *inputs) found.emplace_back(input.kind, input.size);
    std::uint64_t program = make_program().size();
    CHECK(found == std::vector<std::pair<std::string, std::uint64_t>>{
                       {"program", program}, {"program", program}, {"file", 8}, {"tree", 7}});
    std::filesystem::remove(site.folder / "programs/osie-init");
    auto missing = local_inputs(site.profile(), site.folder / "programs", LocalFiles());
    REQUIRE_FALSE(missing);
    CHECK(missing.error().kind() == ErrorKind::not_found);
}

TEST_CASE("a plan as text and as JSON") {
    PlanSite site;
    auto inputs = local_inputs(site.profile(), site.folder / "programs", LocalFiles()).value();
    std::string text = plan_text(site.plan(), inputs);
    INFO(text);
    for (const char* part : {"test for amd64, zstd\n", "kernel: known once its package is here\n",
                             "linux-image-test 6.1-1", "to fetch   bookworm main\n",
                             "to fetch: 2 packages, ", "to compress: 7 segments"})
        CHECK(text.find(part) != std::string::npos);
    auto json = plan_json(site.plan(), inputs);
    CHECK(json["kernel"].is_null());
    CHECK(json["packages"][0]["name"] == "linux-image-test");
    CHECK(json["packages"][0]["uses"].dump() == "[\"kernel\"]");
    CHECK(json["packages"][0]["cached"] == false);
    CHECK(json["segments"][0]["size"].is_null());
    CHECK(json["inputs"].size() == 4);
    CHECK(json["totals"]["fetched_packages"] == 2);
    CHECK(json["content_known"] == false);
    REQUIRE(build_image(site.profile(), site.options));
    text = plan_text(site.plan(), inputs);
    CHECK(text.find("kernel: 6.1-test, 8 B\n") != std::string::npos);
    CHECK(text.find("kernel and initramfs: ") != std::string::npos);
    CHECK(plan_json(site.plan(), inputs)["content_known"] == true);
}

TEST_CASE("plan through the program, from a lock too") {
    PlanSite site;
    spill(site.folder / "p.yaml",
          "name: test\narch: amd64\nkernel: {package: linux-image-test.deb, repository: file}\n");
    auto run = [&](std::vector<std::string> words) {
        std::string folder = site.folder.path().string();
        std::vector<std::string> command = {std::string(OSIEKIT_BIN_DIR) + "/osiekit",
                                            words[0],
                                            folder + "/p.yaml",
                                            "--programs",
                                            folder + "/programs",
                                            "--cache",
                                            folder + "/other-cache"};
        command.insert(command.end(), words.begin() + 1, words.end());
        auto output = run_command(command);
        REQUIRE(output);
        return *output;
    };
    auto planned = run({"plan", "--json"});
    INFO(planned.err);
    REQUIRE(planned.exit_code == 0);
    auto json = nlohmann::json::parse(planned.out);
    CHECK(json["packages"][0]["cached"] == true);
    CHECK(json["totals"]["cached_segments"] == 0);
    CHECK(run({"plan", "--locked"}).exit_code == 1);
    REQUIRE(run({"lock"}).exit_code == 0);
    auto locked = run({"plan", "--locked", "--offline"});
    CHECK(locked.exit_code == 0);
    CHECK(locked.out.find("linux-image-test 6.1-1") != std::string::npos);
    REQUIRE(run({"build", "--out", (site.folder / "built").string()}).exit_code == 0);
    json = nlohmann::json::parse(run({"plan", "--json"}).out);
    CHECK(json["totals"]["made_segments"] == 0);
    CHECK(json["totals"]["image_size"] ==
          std::filesystem::file_size(site.folder / "built/initramfs") +
              std::filesystem::file_size(site.folder / "built/vmlinuz"));
}

TEST_CASE("a plan says what each service may do") {
    PlanSite site;
    ImagePlan plan = site.plan(
        "services:\n  - {name: plain, command: [/usr/bin/tool]}\n"
        "  - {name: exporter, command: [/usr/bin/tool, -v], sandbox: restricted, network: none,\n"
        "     user: \"1000:1001\", writable: [/run/x, /var/x],\n"
        "     limits: {memory: 64MiB, processes: 20, cpus: 1.5, io_per_second: 1MiB}}\n");
    std::string text = plan_text(plan, {});
    INFO(text);
    CHECK(
        text.find("services\n  plain                no sandbox\n"
                  "  exporter             restricted, as 1000:1001, network none, memory 64.0 "
                  "MiB, processes 20, cpus 1.5, 1.0 MiB/s of each disk, writes /run/x /var/x\n") !=
        std::string::npos);
    auto json = plan_json(plan, {});
    REQUIRE(json["services"].size() == 2);
    CHECK(json["services"][0]["sandbox"].is_null());
    CHECK(json["services"][1]["command"][1] == "-v");
    CHECK(json["services"][1]["sandbox"]["level"] == "restricted");
    CHECK(json["services"][1]["sandbox"]["limits"]["cpus"] == 1.5);
}
