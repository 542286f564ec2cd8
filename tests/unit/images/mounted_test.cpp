#include "images/common/mounted.hpp"

#include <fcntl.h>

#include "images/writefile/place_file.hpp"
#include "tests/unit/images/loop_device.hpp"

using namespace osiekit;
using namespace osiekit::images;
using namespace osiekit::images::test;
using namespace osiekit::images::writefile;

TEST_CASE("a file goes into a real file system, which is unmounted and clean afterwards") {
    LoopDevice loop(32U << 20U);
    output_of({"mkfs.ext4", "-q", "-F", loop.path()});
    TempDir dir = TempDir::create().value();
    FileSpec file{"/etc/hostname", "machine-1\n", 0, 0, 0644, 0755};
    REQUIRE(with_mounted(loop.path(), "ext4", dir / "point", MountFor::writing,
                         [&](int root) { return place_file(root, file); }));
    CHECK(std::filesystem::is_empty(dir / "point"));
    output_of({"e2fsck", "-f", "-n", loop.path()});
    CHECK(output_of({"debugfs", "-R", "cat /etc/hostname", loop.path()}) == "machine-1\n");
    // Who only reads cannot write.
    auto reading =
        with_mounted(loop.path(), "ext4", dir / "point", MountFor::reading, [&](int root) {
            REQUIRE(open_file("/proc/self/fd/" + std::to_string(root) + "/etc/hostname", O_RDONLY));
            return place_file(root, file);
        });
    REQUIRE_FALSE(reading);
    CHECK(reading.error().to_string().find("Read-only file system") != std::string::npos);
}

TEST_CASE("a failing work unmounts too") {
    LoopDevice loop(32U << 20U);
    output_of({"mkfs.ext4", "-q", "-F", loop.path()});
    TempDir dir = TempDir::create().value();
    auto done = with_mounted(loop.path(), "ext4", dir / "point", MountFor::writing,
                             [](int) -> Status { return Error(ErrorKind::io, "on purpose"); });
    REQUIRE(!done);
    CHECK(done.error().message() == "on purpose");
    CHECK(std::filesystem::is_empty(dir / "point"));
}

TEST_CASE("a mount that fails says what to look at") {
    LoopDevice loop(8U << 20U);
    TempDir dir = TempDir::create().value();
    auto work = [](int) -> Status { return {}; };
    auto no_type = with_mounted(loop.path(), "nosuchfs", dir / "point", MountFor::writing, work);
    REQUIRE(!no_type);
    CHECK(no_type.error().hint().find("FS_TYPE") != std::string::npos);
    auto no_system = with_mounted(loop.path(), "ext4", dir / "point", MountFor::writing, work);
    REQUIRE(!no_system);
    CHECK(no_system.error().hint().find("no such file system on it") != std::string::npos);
    auto no_disk =
        with_mounted("/dev/no-such-disk", "ext4", dir / "point", MountFor::writing, work);
    REQUIRE(!no_disk);
    CHECK(no_disk.error().hint().find("/dev:/dev") != std::string::npos);
}
