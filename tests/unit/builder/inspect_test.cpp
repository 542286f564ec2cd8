#include "builder/image/inspect.hpp"

#include "builder/image/zstd_stream.hpp"
#include "tests/unit/builder/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace {

std::string archive(const std::string& path) {
    Tree tree;
    REQUIRE(tree.add(path, Entry::file(FileContent::bytes("x"), "t")));
    return cpio_of(tree);
}

std::string frame(const std::string& bytes) {
    auto made = zstd_compress(bytes, {});
    REQUIRE(made);
    return *made;
}

}  // namespace

TEST_CASE("an image is taken apart as the kernel does it") {
    std::string plain = archive("first");
    std::string packed = frame(archive("etc/osie/complete"));
    std::string image = plain + std::string(8, '\0') + packed + std::string(4, '\0');
    auto inspection = inspect_initramfs(image);
    REQUIRE(inspection);
    REQUIRE(inspection->segments.size() == 2);
    CHECK(inspection->segments[0].compression == CompressionMethod::none);
    CHECK(inspection->segments[0].entries[0].path == "first");
    CHECK(inspection->segments[1].compression == CompressionMethod::zstd);
    CHECK(inspection->segments[1].offset == plain.size() + 8);
    CHECK(inspection->segments[1].size == packed.size());
    CHECK(inspection->complete);
    auto other = inspect_initramfs(packed + std::string((4 - packed.size() % 4) % 4, '\0') + plain);
    REQUIRE(other);
    CHECK_FALSE(other->complete);
}

TEST_CASE("what the kernel would refuse is refused") {
    std::string plain = archive("a");
    std::string packed = frame(plain);
    auto kind = [](const std::string& image) {
        auto inspection = inspect_initramfs(image);
        REQUIRE_FALSE(inspection);
        return inspection.error().kind();
    };
    CHECK(kind("") == ErrorKind::invalid_input);
    CHECK(kind(std::string(16, '\0')) == ErrorKind::invalid_input);
    CHECK(kind("garbage") == ErrorKind::invalid_input);
    // An uncompressed archive at an odd offset.
    CHECK(kind(std::string(2, '\0') + plain) == ErrorKind::invalid_input);
    CHECK(kind(packed.substr(0, packed.size() - 3)) == ErrorKind::invalid_input);
    CHECK(kind(std::string("\x1f\x8b\x08", 3)) == ErrorKind::invalid_input);
    CHECK(kind(std::string("\x89LZO", 4)) == ErrorKind::invalid_input);
    CHECK(kind(frame(plain + "junk")) == ErrorKind::invalid_input);
    CHECK(kind(frame("no archive")) == ErrorKind::invalid_input);
    auto within = inspect_initramfs(packed, plain.size());
    CHECK(within);
    auto over = inspect_initramfs(packed, plain.size() - 1);
    REQUIRE_FALSE(over);
    CHECK(over.error().kind() == ErrorKind::limit);
}
