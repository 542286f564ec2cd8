#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <map>
#include <nlohmann/json.hpp>

#include "lib/base/child.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "lib/base/text.hpp"
#include "lib/oci_layout/layout_writer.hpp"
#include "tests/unit/oci_layout/sample.hpp"

using namespace osiekit;
using namespace osiekit::oci_layout;
using nlohmann::json;

namespace {

// All files of a folder, by path.
std::map<std::string, std::string> content(const std::filesystem::path& folder) {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
        if (entry.is_regular_file())
            files[entry.path().lexically_relative(folder).string()] =
                read_file(entry.path()).value();
    return files;
}

}  // namespace

TEST_CASE("the same image gives the same bytes, elsewhere and later") {
    TempDir dir = TempDir::create().value();
    for (auto compression : {Compression::none, Compression::gzip, Compression::zstd}) {
        Image image = test::sample();
        image.compression = compression;
        REQUIRE(write_layout(dir / "one", image));
        REQUIRE(run_command({"sleep", "1.1"})->exit_code == 0);  // gzip counts time in seconds
        REQUIRE(write_layout(dir / "deeper/two", image));
        CHECK(content(dir / "one") == content(dir / "deeper/two"));
    }
}

TEST_CASE("every descriptor fits what it describes") {
    TempDir dir = TempDir::create().value();
    auto written = write_layout(dir / "out", test::sample());
    REQUIRE(written);
    auto files = content(dir / "out");
    auto blob = [&](const json& descriptor) {
        Sha256 digest = Sha256::parse(descriptor["digest"].get<std::string>()).value();
        std::string bytes = files["blobs/sha256/" + digest.hex()];
        CHECK(bytes.size() == descriptor["size"].get<std::size_t>());
        CHECK(Sha256::of(bytes) == digest);
        return bytes;
    };
    CHECK(json::parse(files["oci-layout"])["imageLayoutVersion"] == "1.0.0");
    json index = json::parse(files["index.json"]);
    json entry = index["manifests"][0];
    CHECK(entry["annotations"]["org.opencontainers.image.ref.name"] == "latest");
    CHECK(entry["digest"] == written->manifest.oci());
    json manifest = json::parse(blob(entry));
    CHECK(manifest["mediaType"] == entry["mediaType"]);
    json config = json::parse(blob(manifest["config"]));
    CHECK(config["architecture"] == "amd64");
    CHECK(config["config"]["Entrypoint"] == json::array({"/bin/tool"}));
    CHECK(config["config"]["Env"] == json::array({"A=1"}));
    REQUIRE(manifest["layers"].size() == 1);
    CHECK(manifest["layers"][0]["mediaType"] == "application/vnd.oci.image.layer.v1.tar+gzip");
    CHECK(blob(manifest["layers"][0]).size() == written->layer_bytes);
    CHECK(config["rootfs"]["diff_ids"][0] ==
          Sha256::of(make_tar(test::sample().entries).value()).oci());
}

TEST_CASE("paths that do not belong into a layer") {
    for (const char* path : {"", "/absolute", "../up", "a/../b", "a//b", "./a", "a/"}) {
        INFO(path);
        auto tar = make_tar({{EntryKind::file, path, 0644, "x"}});
        REQUIRE(!tar);
        CHECK(tar.error().kind() == ErrorKind::invalid_input);
    }
    CHECK(!make_tar({{EntryKind::file, "a", 0644, "x"}, {EntryKind::file, "a", 0644, "y"}}));
    CHECK(!make_tar({{EntryKind::file, "a/b", 0644, "x"}, {EntryKind::file, "a", 0644, "y"}}));
}

TEST_CASE("only a layout is replaced, and nothing is left behind") {
    TempDir dir = TempDir::create().value();
    std::filesystem::create_directory(dir / "precious");
    REQUIRE(write_file(dir / "precious/data", "mine"));
    auto refused = write_layout(dir / "precious", test::sample());
    REQUIRE(!refused);
    CHECK(refused.error().kind() == ErrorKind::invalid_input);
    CHECK(read_file(dir / "precious/data").value() == "mine");

    Image bad = test::sample();
    bad.entries.push_back({EntryKind::file, "../x", 0644, ""});
    REQUIRE(write_layout(dir / "out", test::sample()));
    auto before = content(dir / "out");
    CHECK(!write_layout(dir / "out", bad));
    CHECK(content(dir / "out") == before);
    REQUIRE(write_layout(dir.path().string() + "/out/", test::sample()));
    std::size_t left = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(dir.path()))
        ++left;
    CHECK(left == 2);
}
