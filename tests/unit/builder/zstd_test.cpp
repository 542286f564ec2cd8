#include "builder/image/zstd_stream.hpp"

#include <random>

#include "lib/base/child.hpp"
#include "tests/unit/builder/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace {

// Somewhat compressible bytes, larger than one job of the library's workers at a small window.
std::string sample(std::size_t size) {
    std::mt19937 random(1);
    std::string bytes;
    while (bytes.size() < size) {
        std::string word = "word" + std::to_string(random() % 5000);
        bytes += word;
    }
    bytes.resize(size);
    return bytes;
}

CompressionOptions options(unsigned workers, int level = 3, int window = 20) {
    CompressionOptions result;
    result.level = level;
    result.window_log = window;
    result.workers = workers;
    return result;
}

}  // namespace

TEST_CASE("the number of workers does not change the bytes") {
    std::string bytes = sample(12U << 20U);
    auto one = zstd_compress(bytes, options(1));
    auto three = zstd_compress(bytes, options(3));
    auto none = zstd_compress(bytes, options(0));
    REQUIRE(one);
    REQUIRE(three);
    REQUIRE(none);
    CHECK(*one == *three);
    CHECK(*one == *none);
    CHECK(one->size() < bytes.size() / 2);
    auto frame = read_zstd_frame(*one + "behind it", bytes.size());
    REQUIRE(frame);
    CHECK(frame->content == bytes);
    CHECK(frame->compressed_size == one->size());
    CHECK(frame->window <= 1U << 20U);
}

TEST_CASE("small frames have small windows") {
    auto small = zstd_compress("tiny", options(1, 9, 25));
    REQUIRE(small);
    auto frame = read_zstd_frame(*small, 100);
    REQUIRE(frame);
    CHECK(frame->content == "tiny");
    CHECK(frame->window <= 1024);
    auto empty = zstd_compress("", options(1));
    REQUIRE(empty);
    CHECK(read_zstd_frame(*empty, 0));
}

TEST_CASE("the zstd program reads our frames") {
    auto folder = TempDir::create();
    REQUIRE(folder);
    std::string bytes = sample(100000);
    auto frame = zstd_compress(bytes, options(2, 9, 25));
    REQUIRE(frame);
    spill(*folder / "x.zst", *frame);
    auto done = run_command({"zstd", "-dqc", (*folder / "x.zst").string()});
    REQUIRE(done);
    CHECK(done->exit_code == 0);
    CHECK(done->out == bytes);
}

TEST_CASE("levels and windows have limits") {
    CHECK(zstd_compress("x", options(1, highest_level, largest_window_log)));
    CHECK_FALSE(zstd_compress("x", options(1, highest_level + 1, 20)));
    CHECK_FALSE(zstd_compress("x", options(1, 0, 20)));
    CHECK_FALSE(zstd_compress("x", options(1, 3, largest_window_log + 1)));
    CHECK(zstd_compress("x", options(1, 3, smallest_window_log)));
    CHECK_FALSE(zstd_compress("x", options(1, 3, smallest_window_log - 1)));
}

TEST_CASE("broken frames are refused") {
    std::string bytes = sample(50000);
    auto made = zstd_compress(bytes, options(1));
    REQUIRE(made);
    const std::string& frame = *made;
    CHECK(read_zstd_frame(frame, bytes.size()));
    auto over = read_zstd_frame(frame, bytes.size() - 1);
    REQUIRE_FALSE(over);
    CHECK(over.error().kind() == ErrorKind::limit);
    for (std::size_t size : {0UL, 3UL, 8UL, frame.size() / 2, frame.size() - 1}) {
        auto cut = read_zstd_frame(frame.substr(0, size), bytes.size());
        REQUIRE_FALSE(cut);
        CHECK(cut.error().kind() == ErrorKind::invalid_input);
    }
    std::string damaged = frame;
    damaged[damaged.size() - 2] = static_cast<char>(damaged[damaged.size() - 2] ^ 1);
    CHECK_FALSE(read_zstd_frame(damaged, bytes.size()));
    // A frame header that asks for a window of 256 MiB (RFC 8878, 3.1.1.1.2).
    std::string wide("\x28\xb5\x2f\xfd\x00\x90", 6);
    wide.append(16, '\0');
    auto refused = read_zstd_frame(wide, 100);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind() == ErrorKind::unsupported);
    std::string skippable(
        "\x50\x2a\x4d\x18\x04\x00\x00\x00"
        "abcd",
        12);
    CHECK_FALSE(read_zstd_frame(skippable + frame, bytes.size()));
}
