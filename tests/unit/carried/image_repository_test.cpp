#include "builder/carried/image_repository.hpp"

#include <catch2/catch.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "builder/carried/carried_image.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "lib/oci_layout/layout_writer.hpp"
#include "tests/unit/oci/scripted_server.hpp"

using namespace osiekit;
using namespace osiekit::builder;
namespace fs = std::filesystem;
using Json = nlohmann::json;

namespace {

const std::string name = "registry.invalid/tools/app:v1";

struct Site {
    TempDir folder = TempDir::create("carried").value();
    fs::path layout = folder / "layout";
    std::string digest;

    explicit Site(const std::string& content = "content") { digest = write(layout, content); }

    static std::string write(const fs::path& where, const std::string& content) {
        oci_layout::Image image;
        image.entries = {{oci_layout::EntryKind::file, "app", 0755, content}};
        image.architecture = "amd64";
        return "sha256:" + oci_layout::write_layout(where, image).value().manifest.hex();
    }
    std::unique_ptr<ImageRepository> open(const std::string& architecture = "amd64",
                                          bool offline = false) const {
        ImageRepository::Options options;
        options.architecture = architecture;
        options.cache = folder / "cache";
        options.layouts = {{name, layout}};
        options.offline = offline;
        return ImageRepository::open(std::move(options)).value();
    }
    fs::path blob(const std::string& text) const {
        return layout / "blobs/sha256" / text.substr(text.find(':') + 1);
    }
    Json json(const std::string& text) const { return Json::parse(read_file(blob(text)).value()); }
    // Puts another manifest in the place of the layout's.
    void change_manifest(const std::function<void(Json&)>& change) {
        Json manifest = json(digest);
        change(manifest);
        std::string text = manifest.dump();
        digest = "sha256:" + Sha256::of(text).hex();
        REQUIRE(write_file(blob(digest), text));
        Json index = Json::parse(read_file(layout / "index.json").value());
        index["manifests"][0]["digest"] = digest;
        index["manifests"][0]["size"] = text.size();
        REQUIRE(write_file(layout / "index.json", index.dump()));
    }
};

PackageQuery query(const std::string& image = name) {
    return query_of(PackageSystem::oci, {image});
}

// The error of asking for the image, or of fetching it.
Error failure(ImageRepository& repository) {
    auto found = repository.resolve(query());
    if (!found) return found.error();
    auto fetched = repository.fetch(*std::move(found), {});
    REQUIRE_FALSE(fetched);
    return fetched.error();
}

void check_error(const Error& error, ErrorKind kind, const std::string& word) {
    INFO(error.to_string());
    CHECK(error.kind() == kind);
    CHECK(error.to_string().find(name) != std::string::npos);
    CHECK(error.to_string().find(word) != std::string::npos);
}

// A registry that has a layout's image under any tag.
std::string answer_of(const fs::path& layout, const std::string& request) {
    std::string path = request.substr(0, request.find(" HTTP"));
    std::string last = path.substr(path.rfind('/') + 1);
    if (path.find("/manifests/") != std::string::npos && last.rfind("sha256:", 0) != 0)
        last = Json::parse(read_file(layout / "index.json").value())["manifests"][0]["digest"];
    auto blob = read_file(layout / "blobs/sha256" / last.substr(last.find(':') + 1));
    if (!blob) return ScriptedServer::answer(404, "", "");
    return ScriptedServer::answer(
        200, "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n", *blob);
}

}  // namespace

TEST_CASE("an image is a package with its digest, its size, and all its parts in the cache") {
    Site site;
    auto found = site.open()->resolve(query()).value();
    REQUIRE(found.size() == 1);
    CHECK(found[0].name == name);
    CHECK(found[0].version == site.digest);
    CHECK("sha256:" + found[0].digest.hex() == site.digest);
    CHECK(found[0].location == "registry.invalid/tools/app");
    CHECK(found[0].architecture == "amd64");
    CHECK(found[0].file.empty());
    std::uint64_t size = 0;
    for (const auto& file : fs::directory_iterator(site.layout / "blobs/sha256"))
        size += file.file_size();
    CHECK(found[0].size == size);
    int told = 0;
    FetchWatch watch;
    watch.arrived = [&](const LocatedPackage&) {
        ++told;
        return Status();
    };
    auto fetched = site.open()->fetch(found, watch).value();
    CHECK(told == 1);
    CHECK_FALSE(fetched[0].file.empty());
    auto blobs = BlobCache::open(site.folder / "cache").value();
    auto image = find_image(blobs, fetched[0]).value();
    REQUIRE(image);
    CHECK(image->files.size() == 3);
    CHECK(image->parts[0].digest.oci() == site.digest);
    // Now the layout is not needed any more for what is known by its digest.
    fs::remove_all(site.layout);
    REQUIRE(site.open()->fetch(found, {}));
    PackageQuery locked = query();
    locked.prefer = {{name, site.digest}};
    CHECK_FALSE(site.open()->resolve(locked).value()[0].file.empty());
}

TEST_CASE("an image that is not whole in the cache is fetched anew") {
    Site site;
    auto fetched = site.open()->fetch(site.open()->resolve(query()).value(), {}).value();
    auto layer = site.json(site.digest)["layers"][0]["digest"].get<std::string>();
    fs::path kept = site.folder / "cache/blobs/sha256" / layer.substr(7);
    fs::remove(kept);
    auto blobs = BlobCache::open(site.folder / "cache").value();
    CHECK_FALSE(find_image(blobs, fetched[0]).value());
    CHECK(site.open()->resolve(query()).value()[0].file.empty());
    REQUIRE(site.open()->fetch(fetched, {}));
    CHECK(fs::exists(kept));
}

TEST_CASE("what an image lacks, or is not, is said with its name") {
    Site site;
    check_error(failure(*site.open("arm64")), ErrorKind::unsupported, "linux/arm64");
    fs::rename(site.layout, site.folder / "elsewhere");
    check_error(failure(*site.open()), ErrorKind::not_found, "layout");
    fs::create_directories(site.layout);
    check_error(failure(*site.open()), ErrorKind::not_found, "oci-layout");
    fs::remove_all(site.layout);
    fs::rename(site.folder / "elsewhere", site.layout);
    auto manifest = site.json(site.digest);
    fs::path layer = site.blob(manifest["layers"][0]["digest"].get<std::string>());
    std::string bytes = read_file(layer).value();
    REQUIRE(write_file(layer, bytes + "x"));
    check_error(failure(*site.open()), ErrorKind::digest, "was changed after it was made");
    fs::remove(layer);
    check_error(failure(*site.open()), ErrorKind::not_found, layer.filename().string());
    REQUIRE(write_file(layer, bytes));
    REQUIRE(write_file(site.blob(site.digest), "{}"));
    fs::remove_all(site.folder / "cache");
    check_error(failure(*site.open()), ErrorKind::digest, "was changed after it was made");
}

TEST_CASE("a layout that does not say which of its images is meant is refused") {
    Site site;
    Json index = Json::parse(read_file(site.layout / "index.json").value());
    index["manifests"].push_back(index["manifests"][0]);
    for (const char* tag : {"v1", "v2"}) {
        for (int number : {0, 1}) {
            index["manifests"][number]["annotations"]["org.opencontainers.image.ref.name"] = tag;
            if (number == 1) index["manifests"][1]["digest"] = "sha256:" + std::string(64, '0');
        }
        REQUIRE(write_file(site.layout / "index.json", index.dump()));
        bool twice = std::string(tag) == "v1";
        check_error(failure(*site.open()), twice ? ErrorKind::invalid_input : ErrorKind::not_found,
                    twice ? "several images of the name" : "is not in");
    }
}

TEST_CASE("an image is as large as a machine can carry, and no larger") {
    Site site;
    auto others = [&](const Json& manifest) {
        return manifest["config"]["size"].get<std::uint64_t>();
    };
    // The manifest's own size counts, and is the same for sizes of as many digits.
    auto with_layer = [&](std::uint64_t size) {
        site.change_manifest([&](Json& manifest) { manifest["layers"][0]["size"] = size; });
    };
    with_layer(largest_carried - 1000);
    std::uint64_t rest = others(site.json(site.digest)) + fs::file_size(site.blob(site.digest));
    with_layer(largest_carried - rest);
    CHECK(site.open()->resolve(query()).value()[0].size == largest_carried);
    with_layer(largest_carried - rest + 1);
    check_error(site.open()->resolve(query()).error(), ErrorKind::limit, "2.0 GiB");
}

TEST_CASE("a manifest that states another size of a layer is refused, in the cache or not") {
    Site site;
    REQUIRE(site.open()->fetch(site.open()->resolve(query()).value(), {}));
    site.change_manifest([&](Json& manifest) { manifest["layers"][0]["size"] = 1; });
    check_error(failure(*site.open()), ErrorKind::digest, "size");
    fs::remove_all(site.folder / "cache");
    check_error(failure(*site.open()), ErrorKind::digest, "is not what its name says");
}

TEST_CASE("an image comes from its registry once, and by the digest that a lock has") {
    Site site;
    ScriptedServer server(
        [&](const std::string& request) { return answer_of(site.layout, request); });
    auto open = [&](bool offline) {
        ImageRepository::Options options;
        options.architecture = "amd64";
        options.cache = site.folder / "cache";
        options.insecure = {server.host()};
        options.offline = offline;
        return ImageRepository::open(std::move(options)).value();
    };
    std::string image = server.host() + "/tools/app:v1";
    auto refused = open(true)->resolve(query(image));
    REQUIRE(refused.error().kind() == ErrorKind::not_found);
    CHECK(refused.error().hint().find("--offline") != std::string::npos);
    CHECK(server.requests().empty());
    auto first = open(false)->resolve(query(image)).value();
    CHECK(first[0].version == site.digest);
    REQUIRE(open(false)->fetch(first, {}));
    CHECK(server.requests().size() == 3);  // manifest, configuration, layer
    // The tag moves on; what a lock has stays, without a request.
    std::string moved = Site::write(site.layout, "moved on");
    PackageQuery locked = query(image);
    locked.prefer = {{image, first[0].version}};
    CHECK(open(false)->resolve(locked).value()[0].version == first[0].version);
    CHECK_FALSE(open(true)->fetch(first, {}).value()[0].file.empty());
    CHECK(server.requests().size() == 3);
    CHECK(open(false)->resolve(query(image)).value()[0].version == moved);
    // What neither the cache nor the registry has any more gives way to what the tag means now.
    locked.prefer = {{image, "sha256:" + std::string(64, '0')}};
    CHECK(open(false)->resolve(locked).value()[0].version == moved);
}
