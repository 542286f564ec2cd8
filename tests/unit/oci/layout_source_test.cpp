#include "lib/oci/layout_source.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "lib/base/child.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "lib/oci/image_store.hpp"

using namespace osiekit;
using namespace osiekit::oci;
namespace fs = std::filesystem;

namespace {

void must_run(const std::vector<std::string>& command) {
    auto output = run_command(command);
    REQUIRE(output);
    INFO(command.front() << ": " << output->err);
    REQUIRE(output->exit_code == 0);
}

constexpr const char* name = "registry.example:5000/tools/hello:v1";

// A layout as people make it: an image by umoci, brought under its full name by skopeo.
struct Layout {
    TempDir directory = TempDir::create("layout").value();
    fs::path path = directory / "images";

    Layout() {
        std::string made = directory / "made";
        std::string bundle = directory / "bundle";
        must_run({"umoci", "init", "--layout", made});
        must_run({"umoci", "new", "--image", made + ":x"});
        must_run({"umoci", "unpack", "--image", made + ":x", bundle});
        REQUIRE(write_file(bundle + "/rootfs/hello", "carried along"));
        must_run({"umoci", "repack", "--image", made + ":x", bundle});
        must_run({"skopeo", "--insecure-policy", "copy", "oci:" + made + ":x",
                  "oci:" + path.string() + ":" + name});
    }
    fs::path blob(const ContentDigest& digest) const {
        return path / "blobs" / "sha256" / digest.hex();
    }
};

// A registry that is not there, and counts who asks for it.
class Nobody : public ImageSource {
  public:
    Result<FetchedDocument> fetch_document(const Reference&, const std::string&) override {
        ++asked;
        return Error(ErrorKind::network, "nobody answers");
    }
    Status fetch_blob(const Reference&, const Descriptor&, const BlobSink&) override {
        ++asked;
        return Error(ErrorKind::network, "nobody answers");
    }
    int asked = 0;
};

std::uint64_t plenty() {
    return std::numeric_limits<std::uint64_t>::max();
}

Result<StoredImage> pull(const Layout& layout, const std::string& image, Nobody& registry,
                         const fs::path& store_path) {
    auto reference = Reference::parse(image).value();
    OSIEKIT_ASSIGN(auto embedded, LayoutSource::open(layout.path));
    FirstOf source(embedded, registry);
    OSIEKIT_ASSIGN(auto store, ImageStore::open(store_path));
    return store.pull(source, reference, Platform::host(), plenty);
}

}  // namespace

TEST_CASE("an embedded image is used by name and by digest, without any registry") {
    Layout layout;
    Nobody registry;
    auto by_name = pull(layout, name, registry, layout.directory / "a");
    INFO((by_name ? std::string() : by_name.error().to_string()));
    REQUIRE(by_name);
    REQUIRE(read_file(by_name->layers.back() / "hello").value() == "carried along");
    std::string digest = by_name->image.manifest_digest.oci();
    std::string pinned = "registry.example:5000/tools/hello@" + digest;
    REQUIRE(pull(layout, pinned, registry, layout.directory / "b"));
    REQUIRE(registry.asked == 0);
}

TEST_CASE("what is not embedded comes from the registry") {
    Layout layout;
    int before = 0;
    std::string unknown = "registry.example:5000/tools/hello@sha256:" + std::string(64, '0');
    for (const std::string& other : {std::string("registry.example:5000/tools/hello:v2"),
                                     std::string("registry.example:5000/tools/hullo:v1"),
                                     std::string("registry.example/tools/hello:v1"),
                                     std::string("v1"), std::string("hello:v1"), unknown}) {
        Nobody registry;
        auto failed = pull(layout, other, registry, layout.directory / std::to_string(before++));
        REQUIRE(failed.error().kind() == ErrorKind::network);
        REQUIRE(registry.asked == 1);
    }
}

TEST_CASE("a changed layout is refused, and the registry not asked instead") {
    Layout layout;
    Nobody registry;
    auto good = pull(layout, name, registry, layout.directory / "good").value();
    auto expect = [&](ErrorKind kind) {
        auto store = layout.directory / "store";
        auto failed = pull(layout, name, registry, store);
        REQUIRE_FALSE(failed);
        INFO(failed.error().to_string());
        REQUIRE(failed.error().kind() == kind);
        REQUIRE(registry.asked == 0);
        REQUIRE(fs::is_empty(store / "layers"));
        REQUIRE(fs::is_empty(store / "tmp"));
    };
    auto spoil = [&](const ContentDigest& digest, const std::string& bytes, ErrorKind kind) {
        auto path = layout.blob(digest);
        auto kept = read_file(path).value();
        REQUIRE(write_file(path, bytes));
        expect(kind);
        REQUIRE(write_file(path, kept));
    };
    const Descriptor& layer = good.image.manifest.layers.front();
    auto bytes = read_file(layout.blob(layer.digest)).value();
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    spoil(layer.digest, bytes, ErrorKind::digest);
    spoil(layer.digest, bytes.substr(0, bytes.size() / 2), ErrorKind::digest);
    spoil(layer.digest, bytes + "x", ErrorKind::digest);
    spoil(good.image.manifest.config.digest, "{}", ErrorKind::digest);
    spoil(good.image.manifest_digest, "{}", ErrorKind::digest);
    // A link out of the layout, even to the right bytes.
    auto path = layout.blob(layer.digest);
    fs::rename(path, layout.directory / "elsewhere");
    fs::create_symlink(layout.directory / "elsewhere", path);
    expect(ErrorKind::io);
    fs::remove(path);
    fs::rename(layout.directory / "elsewhere", path);
    REQUIRE(pull(layout, name, registry, layout.directory / "again"));
}

TEST_CASE("a folder that is no layout is told of") {
    TempDir directory = TempDir::create("layout").value();
    REQUIRE(LayoutSource::open(directory / "none").error().kind() == ErrorKind::not_found);
    for (const char* text :
         {"", "{}", "[]", "{\"imageLayoutVersion\":2}", "{\"imageLayoutVersion\":\"2.0.0\"}"}) {
        REQUIRE(write_file(directory / "oci-layout", text));
        REQUIRE(LayoutSource::open(directory.path()).error().kind() == ErrorKind::invalid_input);
    }
}

namespace {

using Json = nlohmann::json;

Json index_of(const Layout& layout) {
    return Json::parse(read_file(layout.path / "index.json").value());
}

Result<ResolvedImage> resolve(const Layout& layout, const std::string& image, LayoutNames names) {
    OSIEKIT_ASSIGN(auto source, LayoutSource::open(layout.path, names));
    return source.resolve(Reference::parse(image).value(), Platform::host());
}

}  // namespace

TEST_CASE("a layout that is said to have an image has it by the tag alone, or as its only one") {
    Layout layout;
    Json index = index_of(layout);
    auto entry = index["manifests"][0];
    auto write = [&](std::vector<std::string> texts) {
        index["manifests"] = Json::array();
        for (const std::string& text : texts) {
            entry["annotations"]["org.opencontainers.image.ref.name"] = text;
            index["manifests"].push_back(entry);
        }
        REQUIRE(write_file(layout.path / "index.json", index.dump()));
    };
    auto found = [&](LayoutNames names) { return resolve(layout, name, names); };
    for (const char* only : {"v1", "latest", "other.example/b:v1"}) {
        write({only});
        CHECK(found(LayoutNames::full).error().kind() == ErrorKind::not_found);
        CHECK(found(LayoutNames::any));
    }
    write({"v1", "v2"});
    CHECK(found(LayoutNames::full).error().kind() == ErrorKind::not_found);
    CHECK(found(LayoutNames::any));
    write({"v2", "v3"});
    CHECK(found(LayoutNames::any).error().kind() == ErrorKind::not_found);
    // The whole name comes before the tag, in whichever order they stand.
    write({name, "v1"});
    index["manifests"][1]["digest"] = "sha256:" + std::string(64, '0');
    REQUIRE(write_file(layout.path / "index.json", index.dump()));
    CHECK(found(LayoutNames::any));
}

TEST_CASE("two images of one name are refused, the same one twice is not") {
    Layout layout;
    Json index = index_of(layout);
    index["manifests"].push_back(index["manifests"][0]);
    REQUIRE(write_file(layout.path / "index.json", index.dump()));
    CHECK(resolve(layout, name, LayoutNames::full));
    index["manifests"][1]["digest"] = "sha256:" + std::string(64, '0');
    REQUIRE(write_file(layout.path / "index.json", index.dump()));
    auto refused = resolve(layout, name, LayoutNames::full);
    REQUIRE(refused.error().kind() == ErrorKind::invalid_input);
    CHECK(refused.error().to_string().find("several images of the name") != std::string::npos);
}

TEST_CASE("what was read on the way to a manifest is told with its types and sizes") {
    Layout layout;
    Json top = index_of(layout);
    auto entry = top["manifests"][0];
    auto alone = resolve(layout, name, LayoutNames::full).value();
    REQUIRE(alone.documents.size() == 1);
    CHECK(alone.documents[0].digest == alone.manifest_digest);
    CHECK(alone.documents[0].media_type == media_type_manifest);
    // An index between the name and the manifest, with its own type and without.
    for (const std::string& type : {std::string(media_type_docker_list), std::string()}) {
        entry.erase("annotations");
        entry["platform"] = {{"os", "linux"}, {"architecture", Platform::host().architecture}};
        Json index = {{"schemaVersion", 2}, {"manifests", {entry}}};
        if (!type.empty()) index["mediaType"] = type;
        std::string text = index.dump();
        auto digest = ContentDigest::of(text, ContentDigest::Algorithm::sha256);
        REQUIRE(write_file(layout.blob(digest), text));
        top["manifests"][0]["digest"] = digest.oci();
        REQUIRE(write_file(layout.path / "index.json", top.dump()));
        auto image = resolve(layout, name, LayoutNames::full).value();
        REQUIRE(image.documents.size() == 2);
        CHECK(image.documents[0].digest == digest);
        CHECK(image.documents[0].size == text.size());
        CHECK(image.documents[0].media_type == (type.empty() ? media_type_index : type));
        CHECK(image.documents[1].digest == alone.manifest_digest);
        CHECK(image.named_digest == digest);
    }
}
