#include "lib/oci/layout_source.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <limits>

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
