// Folders that a layer has only because something lies below them.
#include <fcntl.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <set>
#include <utility>

#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "lib/oci/copy_layer.hpp"
#include "lib/oci/implied_directories.hpp"
#include "tests/unit/oci/tar_builder.hpp"
#include "tests/unit/oci/unpack_layer.hpp"

using namespace osiekit;
using namespace osiekit::oci;
namespace fs = std::filesystem;

namespace {

using Names = std::set<std::string>;

// Layers as a store has them, lowest first.
struct Layers {
    TempDir store = TempDir::create("implied").value();
    std::vector<fs::path> paths;
    fs::path upper = store / "upper";

    Layers() {
        for (const char* name : {"layers", "implied", "upper"}) fs::create_directory(store / name);
    }
    Names add(const TarBuilder& tar) {
        fs::path path = store.path() / "layers" / std::to_string(paths.size());
        fs::create_directory(path);
        Fd fd = open_file(path, O_RDONLY | O_DIRECTORY).value();
        std::string bytes = tar.finish();
        std::string_view rest = bytes;
        ByteSource source = [&]() -> Result<std::string_view> {
            return std::exchange(rest, std::string_view());
        };
        auto unpacked = unpack_layer(source, fd.get(), {});
        REQUIRE(unpacked);
        REQUIRE(note_implied(path, unpacked->implied));
        paths.push_back(path);
        auto implied = implied_directories(path).value();
        return {implied.begin(), implied.end()};
    }
    void restate() const { REQUIRE(restate_directories(paths, upper)); }
};

struct stat look(const fs::path& path) {
    struct stat status {};
    REQUIRE(::lstat(path.c_str(), &status) == 0);
    return status;
}

TarBuilder stated() {
    return TarBuilder()
        .entry("etc/", '5', {}, {}, 01700, 5)
        .entry("etc/deep/", '5', {}, {}, 0711, 6);
}

bool is_stated(const fs::path& root) {
    struct stat etc = look(root / "etc");
    struct stat deep = look(root / "etc/deep");
    return (etc.st_mode & 07777U) == 01700 && etc.st_uid == 5 && etc.st_mtime == 1700000000 &&
           (deep.st_mode & 07777U) == 0711 && deep.st_uid == 6 && deep.st_mtime == 1700000000;
}

}  // namespace

TEST_CASE("an implied folder keeps what a lower layer states") {
    Layers layers;
    REQUIRE(layers.add(stated()) == Names{""});
    REQUIRE(layers.add(TarBuilder().file("etc/deep/new", "x")) == Names{"", "etc", "etc/deep"});
    REQUIRE(layers.add(TarBuilder().file("etc/other", "x")) == Names{"", "etc"});
    layers.restate();
    REQUIRE(is_stated(layers.upper));
    REQUIRE(fs::is_empty(layers.upper / "etc/deep"));
    REQUIRE(std::distance(fs::directory_iterator(layers.upper), fs::directory_iterator()) == 1);
}

TEST_CASE("what no layer implies, or none states, stays as it is") {
    Layers layers;
    layers.add(TarBuilder().directory("./", 0750).file("a/b", "x"));
    layers.add(TarBuilder().directory("a", 0700).file("a/c", "x"));
    layers.add(TarBuilder().directory("a", 0711));
    layers.restate();
    // The root alone: two layers imply it, and the lowest states it.
    REQUIRE((look(layers.upper).st_mode & 07777U) == 0750);
    REQUIRE(fs::is_empty(layers.upper));
}

TEST_CASE("an image may imply so many folders and no more") {
    Layers layers;
    layers.add(stated());
    layers.add(TarBuilder().file("etc/deep/new", "x"));
    // Three folders are implied by the second layer, one by the first.
    std::vector<std::string> paths;
    for (std::size_t i = 4; i < max_implied_directories; ++i)
        paths.push_back("etc/" + std::to_string(i));
    layers.add(TarBuilder().directory("./"));
    REQUIRE(note_implied(layers.paths.back(), paths));
    layers.restate();
    CHECK(is_stated(layers.upper));
    paths.emplace_back("etc/more");
    REQUIRE(note_implied(layers.paths.back(), paths));
    auto refused = restate_directories(layers.paths, layers.upper);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind() == ErrorKind::limit);
}

TEST_CASE("an entry behind its content states the folder after all") {
    Layers layers;
    REQUIRE(layers.add(TarBuilder().file("a/b/c", "x").directory("a/b", 0700)) == Names{"", "a"});
}

TEST_CASE("what is hidden has no say") {
    SECTION("by a whiteout") {
        Layers layers;
        layers.add(stated());
        layers.add(TarBuilder().file(".wh.etc", ""));
        layers.add(TarBuilder().file("etc/deep/new", "x"));
        layers.restate();
        REQUIRE(fs::is_empty(layers.upper));
    }
    SECTION("by an opaque folder") {
        Layers layers;
        layers.add(stated());
        layers.add(TarBuilder().file("etc/.wh..wh..opq", "").file("etc/deep/new", "x"));
        layers.restate();
        REQUIRE(fs::is_empty(layers.upper));
    }
    SECTION("by a link in its place") {
        Layers layers;
        layers.add(stated());
        layers.add(TarBuilder().symlink("etc", "elsewhere"));
        layers.add(TarBuilder().file("etc/deep/new", "x"));
        layers.restate();
        REQUIRE(fs::is_empty(layers.upper));
    }
}

TEST_CASE("folders that are implied through a link are noted where they are") {
    Layers layers;
    REQUIRE(layers.add(TarBuilder()
                           .directory("usr/lib", 0700)
                           .symlink("lib", "usr/lib")
                           .file("lib/x/y", "x")) == Names{"", "usr", "usr/lib/x"});
}

TEST_CASE("a copy of the layers has the same folders") {
    Layers layers;
    layers.add(stated());
    layers.add(TarBuilder().file("etc/deep/new", "x").file("fresh/file", "x"));
    for (const fs::path& layer : layers.paths) REQUIRE(copy_layer(layer, layers.upper));
    REQUIRE(is_stated(layers.upper));
    REQUIRE((look(layers.upper / "fresh").st_mode & 07777U) == 0755);
    REQUIRE(fs::exists(layers.upper / "etc/deep/new"));
}
