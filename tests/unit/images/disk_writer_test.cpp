#include "images/image2disk/disk_writer.hpp"

#include <unistd.h>

#include "tests/unit/images/loop_device.hpp"

using namespace osiekit;
using namespace osiekit::images::test;

TEST_CASE("a disk that is not there is not made") {
    TempDir dir = TempDir::create().value();
    auto writer = DiskWriter::open(dir / "vdx");
    REQUIRE(!writer);
    CHECK(writer.error().kind() == ErrorKind::not_found);
    CHECK(writer.error().hint().find("/dev:/dev") != std::string::npos);
    CHECK(!std::filesystem::exists(dir / "vdx"));
    auto folder = DiskWriter::open(dir.path());
    REQUIRE(!folder);
    CHECK(folder.error().kind() == ErrorKind::invalid_input);
}

TEST_CASE("pieces of any size become one image; the beginning comes last") {
    TempDir dir = TempDir::create().value();
    std::string image = image_bytes(9U * 1000U * 1000U);
    REQUIRE(write_file(dir / "disk", std::string(10U << 20U, 'O')));
    auto writer = DiskWriter::open(dir / "disk");
    REQUIRE(writer);
    for (std::size_t at = 0, size = 1; at < image.size(); at += size, size = size * 3 + 1)
        REQUIRE(writer->write(std::string_view(image).substr(at, size)));
    CHECK(writer->written() == image.size());
    CHECK(read_file(dir / "disk")->compare(0, held_back, std::string(held_back, '\0')) == 0);
    REQUIRE(writer->commit());
    CHECK(read_file(dir / "disk")->compare(0, image.size(), image) == 0);
    CHECK(read_file(dir / "disk")->size() == 10U << 20U);
}

TEST_CASE("an image smaller than what is held back") {
    TempDir dir = TempDir::create().value();
    REQUIRE(write_file(dir / "disk", "OOOOOOOO"));
    auto writer = DiskWriter::open(dir / "disk");
    REQUIRE(writer);
    REQUIRE(writer->write("new"));
    REQUIRE(writer->commit());
    CHECK(read_file(dir / "disk").value() == std::string("new\0\0\0\0\0", 8));
}

TEST_CASE("a block device: its size is the limit, and a mounted one is refused") {
    constexpr std::size_t size = 16U << 20U;
    LoopDevice loop(size);
    std::string image = image_bytes(size);
    {
        auto writer = DiskWriter::open(loop.path());
        REQUIRE(writer);
        CHECK(writer->capacity() == size);
        REQUIRE(writer->write(image));
        auto over = writer->write("x");
        REQUIRE(!over);
        CHECK(over.error().kind() == ErrorKind::limit);
        REQUIRE(writer->commit());
    }
    CHECK((read_file(loop.path()).value() == image));
    output_of({"mkfs.ext4", "-q", "-F", loop.path()});
    TempDir dir = TempDir::create().value();
    output_of({"mount", loop.path(), dir.path().string()});
    auto busy = DiskWriter::open(loop.path());
    output_of({"umount", dir.path().string()});
    REQUIRE(!busy);
    CHECK(busy.error().hint().find("mounted") != std::string::npos);
    CHECK(output_of({"blkid", "-p", "-s", "TYPE", "-o", "value", loop.path()}) == "ext4\n");
}
