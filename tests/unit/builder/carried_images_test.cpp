// The profile's "images" as users have them: locked, built, extracted, and found by what the agent
// looks for them with. The kernel is a file: no repository of packages is asked.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "lib/base/child.hpp"
#include "lib/base/file.hpp"
#include "lib/oci/layout_source.hpp"
#include "lib/oci_layout/layout_writer.hpp"
#include "tests/unit/builder/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;
namespace fs = std::filesystem;

namespace {

const std::string name = "registry.invalid/tools/app:v1";

oci_layout::Image image_of(const std::string& content) {
    oci_layout::Image image;
    image.entries = {{oci_layout::EntryKind::file, "app", 0755, content}};
    image.architecture = "amd64";
    image.entrypoint = {"/app"};
    return image;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

struct CarriedSite {
    TempDir folder = TempDir::create().value();

    explicit CarriedSite(const std::string& images) {
        make_deb(folder.path(), kernel_package());
        spill(folder / "osie-init", make_program());
        spill(folder / "tink-worker", make_program());
        profile(images);
    }
    void profile(const std::string& images) const {
        spill(folder / "p.yaml",
              "name: test\narch: amd64\nkernel: {package: linux-image-test.deb, repository: file}\n"
              "modules: {include: [top]}\noutputs: {cyclonedx: bom.json, spdx: spdx.json}\n" +
                  images);
    }
    std::string layout(const std::string& content, const std::string& where = "layout") const {
        auto written = oci_layout::write_layout(folder / where, image_of(content));
        REQUIRE(written);
        return written->manifest.oci();
    }
    CommandOutput run(const std::vector<std::string>& words) const {
        return run_osiekit(folder.path(), words, {"SOURCE_DATE_EPOCH=0"});
    }
    void must(const std::vector<std::string>& words) const {
        auto output = run(words);
        INFO(output.err);
        REQUIRE(output.exit_code == 0);
    }
    std::string text(const std::string& file) const { return slurp(folder / file); }
    nlohmann::json json(const std::string& file) const { return nlohmann::json::parse(text(file)); }
    // The package of that name in the plan.
    nlohmann::json planned(const std::string& package) const {
        auto output = run({"plan", "--locked", "--json"});
        REQUIRE(output.exit_code == 0);
        auto plan = nlohmann::json::parse(output.out);
        for (auto& item : plan["packages"])
            if (item["name"] == package) return item;
        FAIL("the plan lacks " << package);
        return {};
    }
    // Of "osiekit verify" by the lock.
    int verify() const {
        auto output =
            run_command({std::string(OSIEKIT_BIN_DIR) + "/osiekit", "verify",
                         (folder / "out").string(), "--lock", (folder / "p.lock").string()});
        REQUIRE(output);
        return output->exit_code;
    }
    // The image's layout as it is on the machine.
    oci::LayoutSource extracted() const {
        fs::remove_all(folder / "root");
        auto output = run_command({std::string(OSIEKIT_BIN_DIR) + "/osiekit", "extract",
                                   (folder / "out").string(), "--to", (folder / "root").string()});
        REQUIRE(output);
        INFO(output->err);
        REQUIRE(output->exit_code == 0);
        auto opened = oci::LayoutSource::open(folder / "root/usr/share/osie/images");
        REQUIRE(opened);
        return *std::move(opened);
    }
};

// The image is whole: every byte of it is read, and checked by the source.
oci::ResolvedImage read_whole(oci::LayoutSource& source, const std::string& image) {
    auto reference = oci::Reference::parse(image).value();
    oci::Platform platform;
    platform.architecture = "amd64";
    auto resolved = source.resolve(reference, platform);
    REQUIRE(resolved);
    for (const auto& layer : resolved->manifest.layers) {
        oci::BlobSink sink{[](std::string_view) { return Status(); }};
        REQUIRE(source.fetch_blob(reference, layer, sink));
    }
    return *resolved;
}

}  // namespace

TEST_CASE("an image of a local layout is carried, locked, and listed") {
    CarriedSite site("images: [{name: '" + name + "', source: layout}]\n");
    std::string digest = site.layout("first");
    site.must({"lock"});
    auto locked = site.json("p.lock")["packages"];
    REQUIRE(locked.size() == 1);
    CHECK(locked[0]["system"] == "oci");
    CHECK(locked[0]["name"] == name);
    CHECK("sha256:" + locked[0]["sha256"].get<std::string>() == digest);
    CHECK(site.planned(name)["cached"] == false);
    site.must({"build", "--locked"});
    CHECK(site.planned(name)["cached"] == true);
    auto plan = site.run({"plan", "--locked"}).out;
    CHECK(contains(plan, "  " + name + " " + digest.substr(0, 19) + " "));
    auto source = site.extracted();
    CHECK(read_whole(source, name).manifest_digest.oci() == digest);
    CHECK(read_whole(source, "registry.invalid/tools/app@" + digest).manifest_digest.oci() ==
          digest);
    auto bom = site.text("out/bom.json");
    CHECK(contains(bom, "pkg:oci/app@" + digest + "?arch=amd64&repository_url=registry.invalid"));
    CHECK(contains(bom, "&tag=v1\""));
    CHECK(contains(bom, "\"container\""));
    CHECK(contains(site.text("out/spdx.json"), "\"CONTAINER\""));
    CHECK(site.verify() == 0);
    // The layout says something else now; the lock does not, and the cache has what it says.
    site.layout("second");
    auto before = site.text("out/initramfs");
    site.must({"build", "--locked", "--offline"});
    CHECK(site.text("out/initramfs") == before);
    site.must({"build"});
    CHECK(site.text("out/initramfs") != before);
    CHECK(site.verify() == 1);
}

TEST_CASE("the same images give the same bytes, whatever the cache has") {
    CarriedSite site(
        "images:\n  - {name: registry.invalid/b:1, source: layout}\n"
        "  - {name: registry.invalid/a:1, source: layout}\n");
    site.layout("same");
    site.must({"build"});
    auto first = site.text("out/initramfs");
    site.must({"build"});
    CHECK(site.text("out/initramfs") == first);
    fs::remove_all(site.folder / "cache");
    // In the other order, and each in a layout of its own.
    site.layout("same", "other");
    site.profile(
        "images:\n  - {name: registry.invalid/a:1, source: other}\n"
        "  - {name: registry.invalid/b:1, source: layout}\n");
    site.must({"build"});
    CHECK(site.text("out/initramfs") == first);
    auto source = site.extracted();
    CHECK(read_whole(source, "registry.invalid/a:1").manifest_digest ==
          read_whole(source, "registry.invalid/b:1").manifest_digest);
    std::size_t blobs = 0;
    for ([[maybe_unused]] const auto& blob :
         fs::directory_iterator(site.folder / "root/usr/share/osie/images/blobs/sha256"))
        ++blobs;
    CHECK(blobs == 3);  // what both have in common is there once
}

TEST_CASE("an image of a lock moves when it is asked to, and a new one joins it") {
    CarriedSite site("images: [{name: registry.invalid/a:1, source: layout}]\n");
    std::string first = site.layout("first");
    auto locked = [&](const std::string& image) {
        auto lock = site.json("p.lock");
        for (const auto& package : lock["packages"])
            if (package["name"] == image) return package["version"].get<std::string>();
        return std::string("none");
    };
    site.must({"lock"});
    site.must({"build", "--locked"});
    std::string second = site.layout("second");
    site.profile(
        "images:\n  - {name: registry.invalid/a:1, source: layout}\n"
        "  - {name: registry.invalid/b:1, source: layout}\n");
    auto refused = site.run({"build", "--locked"});
    CHECK(refused.exit_code == 1);
    CHECK(contains(refused.err, "p.yaml:8: the request images registry.invalid/b:1"));
    site.must({"lock", "--update", "registry.invalid/b:1"});
    CHECK(locked("registry.invalid/a:1") == first);
    CHECK(locked("registry.invalid/b:1") == second);
    site.must({"lock", "--update", "registry.invalid/a:1"});
    CHECK(locked("registry.invalid/a:1") == second);
}

TEST_CASE("an image that cannot be carried is refused with its name and place") {
    CarriedSite site("images: [{name: '" + name + "', source: layout}]\n");
    site.layout("to be broken");
    for (const auto& blob : fs::directory_iterator(site.folder / "layout/blobs/sha256"))
        spill(blob.path(), read_file(blob.path()).value() + "x");
    auto refused = site.run({"build"});
    INFO(refused.err);
    CHECK(refused.exit_code == 1);
    CHECK(contains(refused.err, "p.yaml:6: the image " + name));
    CHECK(contains(refused.err, "was changed after it was made"));
    // Two that both want to be the machine's layout.
    site.layout("tree", "tree");
    site.layout("fine");
    site.profile("images: [{name: '" + name + "', source: layout}]\n" +
                 "trees: [{source: tree, path: /usr/share/osie/images}]\n");
    refused = site.run({"build"});
    INFO(refused.err);
    CHECK(refused.exit_code == 2);
    CHECK(contains(refused.err, "p.yaml:7"));
    CHECK(contains(refused.err, "usr/share/osie/images/index.json"));
}

TEST_CASE("what the key \"images\" may say") {
    CarriedSite site("");
    auto refused = [&](const std::string& images, const std::string& word) {
        site.profile(images);
        auto output = site.run({"build"});
        INFO(output.err);
        CHECK(output.exit_code == 2);
        CHECK(contains(output.err, "p.yaml:"));
        CHECK(contains(output.err, word));
    };
    refused("images: ['UPPER/case']\n", "p.yaml:6");
    refused("images: [{source: layout}]\n", "lacks the key \"name\"");
    refused("images: [{name: a/b, source: ''}]\n", "empty");
    refused("images: [{name: a/b, source: nowhere}]\n", "nowhere/oci-layout");
    refused("images: [a/b, docker.io/a/b:latest]\n", "named twice");
    std::string zeros = "@sha256:" + std::string(64, '0');
    refused("images: ['r.example/a:1', 'r.example/a:1" + zeros + "']\n", "named twice");
    refused("images: ['r.example/a" + zeros + "', 'r.example/a" + zeros + "']\n", "named twice");
}
