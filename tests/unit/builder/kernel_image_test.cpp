#include "builder/kernel/kernel_image.hpp"

#include "builder/image/frame_reader.hpp"
#include "builder/image/frame_writer.hpp"
#include "builder/image/memory.hpp"
#include "tests/unit/builder/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace {

const std::string argument_text("kernel text\0initramfs_options=\0more", 35);

void put(std::string& bytes, std::size_t at, std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i, value >>= 8U) bytes[at + i] = static_cast<char>(value);
}

// The header of x86's boot protocol 2.15 with one sector of set-up code behind it, and a payload
// 16 bytes into the rest. The kernel's build puts the unpacked size behind xz and zstd data.
std::string bzimage(const std::string& payload) {
    std::string bytes(1024 + 16, '\0');
    put(bytes, 0x1f1, 1, 1);
    put(bytes, 0x1fe, 0xaa55, 2);
    bytes.replace(0x202, 4, "HdrS");
    put(bytes, 0x206, 0x020f, 2);
    put(bytes, 0x248, 16, 4);
    put(bytes, 0x24c, payload.size(), 4);
    return bytes + payload + "behind";
}

std::string packed(CompressionMethod method) {
    auto frame = compress_frame(argument_text, default_compression(method));
    REQUIRE(frame);
    return *frame + std::string("\x23\0\0\0", 4);
}

BuiltImage image_with(const std::string& cmdline) {
    BuiltImage image;
    image.cmdline = cmdline;
    Segment segment;
    segment.memory = 90U << 20U;
    image.segments.push_back(segment);
    image.initramfs_size = 10U << 20U;
    return image;
}

}  // namespace

TEST_CASE("a kernel's arguments are found in it, however it is packed") {
    for (CompressionMethod method : {CompressionMethod::xz, CompressionMethod::zstd,
                                     CompressionMethod::gzip, CompressionMethod::lz4}) {
        std::string vmlinuz = bzimage(packed(method));
        INFO(to_string(method));
        CHECK(kernel_reads_argument(vmlinuz, "initramfs_options="));
        CHECK_FALSE(kernel_reads_argument(vmlinuz, "initramfs_option"));
        CHECK_FALSE(kernel_reads_argument(vmlinuz, "rootfstype="));
    }
    // arm64: the kernel alone, perhaps in a gzip file.
    CHECK(kernel_reads_argument(argument_text, "initramfs_options="));
    CHECK(kernel_reads_argument(packed(CompressionMethod::gzip), "initramfs_options="));
}

TEST_CASE("a kernel's argument is found wherever it lies, also across two pieces") {
    const std::string wanted = "initramfs_options=";
    for (CompressionMethod method : {CompressionMethod::xz, CompressionMethod::zstd,
                                     CompressionMethod::gzip, CompressionMethod::lz4})
        for (std::size_t piece : {std::size_t{1} << 17U, std::size_t{1} << 18U, lz4_block_size})
            for (std::size_t before : {std::size_t{0}, std::size_t{1}, wanted.size(),
                                       wanted.size() + 1, wanted.size() + 2}) {
                std::string kernel(piece - before, 'x');
                kernel += wanted;
                kernel += '\0';
                auto frame = compress_frame(kernel, default_compression(method));
                REQUIRE(frame);
                INFO(to_string(method) << " " << piece << " " << before);
                CHECK(kernel_reads_argument(*frame, wanted));
                CHECK_FALSE(kernel_reads_argument(*frame, "y" + wanted));
            }
}

TEST_CASE("a bzImage that is cut short or lies about its payload is no kernel with arguments") {
    std::string whole = bzimage(packed(CompressionMethod::zstd));
    REQUIRE(bzimage_payload(whole));
    for (std::size_t size = 0; size < whole.size() - 6; ++size) {
        INFO(size);
        CHECK_FALSE(kernel_reads_argument(whole.substr(0, size), "initramfs_options="));
    }
    std::string outside = whole;
    put(outside, 0x248, 0xfffffff0, 4);
    CHECK(bzimage_payload(outside).error().message() ==
          "the kernel in the bzImage lies outside of it");
    std::string early = whole;
    put(early, 0x206, 0x0207, 2);
    CHECK(bzimage_payload(early).error().kind() == ErrorKind::invalid_input);
    std::string damaged = whole;
    damaged[1024 + 16 + 8] = static_cast<char>(~damaged[1024 + 16 + 8]);
    damaged[1024 + 16 + 20] = static_cast<char>(~damaged[1024 + 16 + 20]);
    CHECK_FALSE(kernel_reads_argument(damaged, "initramfs_options="));
}

TEST_CASE("the size of the root file system is raised where the kernel has a word for it") {
    CHECK(image_cmdline("quiet", false) == "quiet");
    CHECK(image_cmdline("", true) == "initramfs_options=size=90%");
    CHECK(image_cmdline("quiet -- x", true) == "initramfs_options=size=90% quiet -- x");
    CHECK(image_cmdline("quiet initramfs_options=size=1G", true) ==
          "quiet initramfs_options=size=1G");
}

TEST_CASE("the least RAM is twice the files, or a ninth more where the root may grow") {
    constexpr std::uint64_t mib = 1U << 20U;
    CHECK(needed_ram(image_with("quiet")) == (2 * 90 + 10 + 100) * mib);
    CHECK(needed_ram(image_with("initramfs_options=size=90% quiet")) == (100 + 10 + 100) * mib);
    // Somebody's own size may be a small one.
    CHECK(needed_ram(image_with("initramfs_options=size=60%")) == (2 * 90 + 10 + 100) * mib);
}
