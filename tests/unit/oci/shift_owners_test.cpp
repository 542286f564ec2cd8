// Owners for a user namespace. Needs root.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "lib/oci/shift_owners.hpp"

using namespace osiekit;
namespace fs = std::filesystem;

namespace {

constexpr std::uint32_t first = 1U << 20U;
constexpr std::uint32_t count = 1U << 16U;

std::pair<uid_t, gid_t> owner(const fs::path& path) {
    struct stat status {};
    REQUIRE(::lstat(path.c_str(), &status) == 0);
    return {status.st_uid, status.st_gid};
}

void make(const fs::path& path, uid_t user, gid_t group) {
    REQUIRE(write_file(path, "content").ok());
    REQUIRE(::lchown(path.c_str(), user, group) == 0);
}

Status shift(const fs::path& root) {
    Fd fd = open_file(root, O_RDONLY | O_DIRECTORY).value();
    return oci::shift_owners(fd.get(), first, count);
}

}  // namespace

TEST_CASE("every file gets the mapped owner, once, and links are not followed") {
    TempDir dir = TempDir::create("shift").value();
    TempDir outside = TempDir::create("outside").value();
    auto root = dir / "root";
    fs::create_directories(root / "deep/deeper");
    make(root / "deep/deeper/file", 0, 0);
    make(root / "other", 1000, 65535);
    fs::create_hard_link(root / "other", root / "other-name");
    fs::create_symlink(outside.path(), root / "link");
    for (int time = 0; time < 2; ++time) {
        REQUIRE(shift(root).ok());
        CHECK(owner(root) == std::pair{first, first});
        CHECK(owner(root / "deep/deeper") == std::pair{first, first});
        CHECK(owner(root / "deep/deeper/file") == std::pair{first, first});
        CHECK(owner(root / "other") == std::pair{first + 1000, first + 65535});
        CHECK(owner(root / "other-name") == std::pair{first + 1000, first + 65535});
        CHECK(owner(root / "link") == std::pair{first, first});
        CHECK(owner(outside.path()) == std::pair<uid_t, gid_t>{0, 0});
    }
    make(root / "stranger", 65536, 0);
    Status refused = shift(root);
    REQUIRE(!refused);
    CHECK(refused.error().kind() == ErrorKind::unsupported);
    CHECK(refused.error().to_string().find("/stranger belongs to 65536") == 0);
}

TEST_CASE("on an overlay the layer below stays, and contents are not copied") {
    TempDir dir = TempDir::create("shift").value();
    // Unmounts also where a check ends the test.
    struct Mounts {
        fs::path at;
        ~Mounts() {
            ::umount2((at / "root").c_str(), MNT_DETACH);
            ::umount2(at.c_str(), MNT_DETACH);
        }
    } mounts{dir / "tmp"};
    for (const char* name : {"tmp", "tmp/lower", "tmp/upper", "tmp/work", "tmp/root"}) {
        fs::create_directory(dir / name);
        // What the machine's memory is; other file systems may not carry an overlay.
        if (std::string(name) == "tmp")
            REQUIRE(::mount("tmpfs", (dir / "tmp").c_str(), "tmpfs", 0, "size=64m") == 0);
    }
    auto at = [&](const char* name) { return (dir / "tmp" / name).string(); };
    REQUIRE(write_file(at("lower/file"), std::string(8U << 20U, 'x')).ok());
    REQUIRE(::link(at("lower/file").c_str(), at("lower/same").c_str()) == 0);
    std::string options = "lowerdir=" + at("lower") + ",upperdir=" + at("upper") +
                          ",workdir=" + at("work") + ",metacopy=on";
    REQUIRE(::mount("overlay", at("root").c_str(), "overlay", 0, options.c_str()) == 0);
    Status done = shift(at("root"));
    auto seen = owner(at("root/file"));
    auto same = owner(at("root/same"));
    auto below = owner(at("lower/file"));
    std::string content = read_file(at("root/file"), 16U << 20U).value();
    struct stat copied {};
    ::stat((at("upper/file")).c_str(), &copied);
    REQUIRE(done.ok());
    CHECK(seen == std::pair{first, first});
    CHECK(same == std::pair{first, first});
    CHECK(below == std::pair<uid_t, gid_t>{0, 0});
    CHECK(content == std::string(8U << 20U, 'x'));
    CHECK(copied.st_size == 8 << 20);
    CHECK(copied.st_blocks == 0);
}
