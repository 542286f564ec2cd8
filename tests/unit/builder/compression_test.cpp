#include <set>

#include "builder/image/compression.hpp"
#include "builder/image/frame_reader.hpp"
#include "builder/image/frame_writer.hpp"
#include "builder/image/inspect.hpp"
#include "builder/image/lzo_reader.hpp"
#include "lib/base/child.hpp"
#include "tests/unit/builder/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace {

// Neither random nor one byte over and over; more than one block of lz4.
std::string sample(std::size_t size = (9U << 20U) + 5) {
    std::string bytes;
    bytes.reserve(size + 64);
    for (std::uint32_t i = 0; bytes.size() < size; ++i) bytes += std::to_string(i * 2654435761U);
    bytes.resize(size);
    return bytes;
}

CompressionOptions quick(CompressionMethod method, unsigned workers = 1) {
    CompressionOptions options = default_compression(method);
    options.level = 1;
    options.workers = workers;
    return options;
}

// The archive as a program packs it: "xz --check=crc32".
std::string packed_by(const std::vector<std::string>& program, const std::string& bytes) {
    auto folder = TempDir::create();
    REQUIRE(folder);
    spill(*folder / "plain", bytes);
    std::string line = "cd \"$1\"; shift; exec \"$@\" <plain >packed";
    std::vector<std::string> command = {"sh", "-c", line, "sh", folder->path().string()};
    command.insert(command.end(), program.begin(), program.end());
    auto done = run_command(command);
    REQUIRE(done);
    INFO(done->err);
    REQUIRE(done->exit_code == 0);
    return slurp(*folder / "packed");
}

std::string archive(const std::string& path, const std::string& content = "x") {
    Tree tree;
    REQUIRE(tree.add(path, Entry::file(FileContent::bytes(content), "t")));
    return cpio_of(tree);
}

ErrorKind failure(const std::string& bytes, std::uint64_t limit = 1U << 26U) {
    auto frame = read_frame(bytes, limit);
    REQUIRE_FALSE(frame);
    return frame.error().kind();
}

const std::vector<std::pair<CompressionMethod, std::vector<std::string>>> programs = {
    {CompressionMethod::zstd, {"zstd", "-qc"}},
    {CompressionMethod::gzip, {"gzip", "-c"}},
    {CompressionMethod::xz, {"xz", "-c", "-1", "--check=crc32"}},
    {CompressionMethod::lzma, {"xz", "-c", "-1", "--format=lzma"}},
    {CompressionMethod::bzip2, {"bzip2", "-c"}},
    {CompressionMethod::lz4, {"lz4", "-lqc"}},
    {CompressionMethod::lzo, {"lzop", "-9c"}}};

}  // namespace

TEST_CASE("what other programs compress is read, and where it ends is known") {
    std::string bytes = sample();
    for (const auto& [method, program] : programs) {
        INFO(to_string(method));
        std::string packed = packed_by(program, bytes);
        CHECK(recognise_frame(packed) == method);
        std::string behind(8, '\0');
        auto frame = read_frame(packed + behind, bytes.size());
        REQUIRE(frame);
        CHECK(frame->method == method);
        CHECK(frame->compressed_size == packed.size());
        bool same = frame->content == bytes;  // too long to be printed
        CHECK(same);
        CHECK(failure(packed, bytes.size() - 1) == ErrorKind::limit);
        CHECK(failure(packed.substr(0, packed.size() / 2)) == ErrorKind::invalid_input);
        // Less than a size behind the magic ends lz4 data, as it does for the kernel.
        if (method != CompressionMethod::lz4)
            CHECK(failure(packed.substr(0, 5)) == ErrorKind::invalid_input);
    }
}

TEST_CASE("every level of lzop is read, whatever the content") {
    std::string noise;
    for (std::uint32_t i = 0, state = 1; i < 300'000; ++i) {
        state = state * 1664525 + 1013904223;
        noise += static_cast<char>(state >> 24U);
    }
    // More than a block; runs, matches near and far, nothing to match.
    for (const std::string& bytes : {std::string(), std::string("x"), std::string(600'000, 'x'),
                                     noise, noise + sample(300'000) + noise.substr(0, 20'000),
                                     std::string("abcabcabcabcabcabd") + noise.substr(0, 30)})
        for (const char* level : {"-1c", "-3c", "-7c", "-9c"}) {
            auto frame = read_frame(packed_by({"lzop", level}, bytes), bytes.size());
            REQUIRE(frame);
            CHECK(frame->content == bytes);
        }
    // Other checksums than the kernel expects.
    CHECK(failure(packed_by({"lzop", "-cF"}, noise)) == ErrorKind::unsupported);
    CHECK(read_frame(packed_by({"lzop", "-c", "--crc32"}, noise), noise.size()));
}

TEST_CASE("a damaged block of LZO1X is refused") {
    // Literals "abcd", then the end: 0x11 0 0.
    const std::string good = std::string(
        "\x15"
        "abcd\x11\0\0",
        8);
    std::string into = "before";
    REQUIRE(unpack_lzo1x(good, 4, into));
    CHECK(into == "beforeabcd");
    for (std::size_t size = 0; size < good.size(); ++size) {
        std::string part;
        CHECK_FALSE(unpack_lzo1x(good.substr(0, size), 4, part));
    }
    std::string other;
    CHECK_FALSE(unpack_lzo1x(good, 3, other));
    CHECK_FALSE(unpack_lzo1x(good, 5, other));
    CHECK_FALSE(unpack_lzo1x(good + "x", 4, other));
    // A match before the block's start: what was there before is not its content.
    std::string before(5000, 'x');
    CHECK_FALSE(unpack_lzo1x(std::string("\x15"
                                         "abcd\x40\x01\x11\0\0",
                                         10),
                             7, before));
    // A length without an end.
    CHECK_FALSE(unpack_lzo1x(std::string(100'000, '\0'), 1000, other));
}

TEST_CASE("a flipped byte is noticed where the format has a checksum") {
    std::string bytes = sample(50'000);
    for (const auto& [method, program] : programs) {
        if (method == CompressionMethod::lz4 || method == CompressionMethod::lzma) continue;
        INFO(to_string(method));
        std::string packed = packed_by(program, bytes);
        packed[packed.size() / 2] ^= 0x20;
        CHECK(failure(packed) == ErrorKind::invalid_input);
    }
}

TEST_CASE("what the kernel cannot unpack is refused") {
    std::string bytes = sample(1000);
    CHECK(failure(packed_by({"xz", "-c", "--check=crc64"}, bytes)) == ErrorKind::unsupported);
    CHECK(failure(packed_by({"xz", "-c", "--check=sha256"}, bytes)) == ErrorKind::unsupported);
    CHECK(read_frame(packed_by({"xz", "-c", "--check=none"}, bytes), 1000));
    // The modern format of lz4 has a magic of its own.
    CHECK(failure(packed_by({"lz4", "-qc"}, bytes)) == ErrorKind::invalid_input);
    CHECK(failure(std::string("\x02\x21xx", 4)) == ErrorKind::unsupported);
    CHECK(failure("plain") == ErrorKind::invalid_input);
    CHECK(failure("") == ErrorKind::invalid_input);
}

TEST_CASE("what we compress is read by us and by other programs, whatever the cores") {
    std::string bytes = sample();
    for (CompressionMethod method : written_methods) {
        INFO(to_string(method));
        auto one = compress_frame(bytes, quick(method, 1));
        auto three = compress_frame(bytes, quick(method, 3));
        REQUIRE(one);
        REQUIRE(three);
        CHECK(*one == *three);
        if (method == CompressionMethod::none) {
            CHECK(*one == bytes);
            continue;
        }
        auto frame = read_frame(*one, bytes.size());
        REQUIRE(frame);
        CHECK(frame->content == bytes);
        for (const auto& [known, program] : programs) {
            if (known != method) continue;
            CHECK(packed_by({program.front(), "-dc"}, *one) == bytes);
        }
    }
}

TEST_CASE("levels and windows have bounds") {
    for (CompressionMethod method : written_methods) {
        INFO(to_string(method));
        CompressionOptions options = default_compression(method);
        CHECK(check_compression(options));
        Bounds levels = level_bounds(method);
        if (levels.lowest > levels.highest) continue;
        for (int level : {levels.lowest, levels.highest}) {
            options.level = level;
            CHECK(check_compression(options));
        }
        for (int level : {levels.lowest - 1, levels.highest + 1}) {
            options.level = level;
            CHECK_FALSE(check_compression(options));
            CHECK_FALSE(compress_frame("x", options));
        }
    }
    CompressionOptions xz = default_compression(CompressionMethod::xz);
    xz.window_log = largest_xz_window_log + 1;
    CHECK_FALSE(check_compression(xz));
    xz.window_log = smallest_xz_window_log;
    CHECK(compress_frame("x", xz));
    CHECK_FALSE(check_compression(default_compression(CompressionMethod::bzip2)));
    CHECK_FALSE(parse_compression_method("bzip2"));
    CHECK(parse_compression_method("lz4") == CompressionMethod::lz4);
    std::set<std::string> keys;
    for (CompressionMethod method : written_methods)
        keys.insert(compression_key(default_compression(method)));
    CHECK(keys.size() == written_methods.size());
}

TEST_CASE("segments of each method follow one another as the kernel reads them") {
    std::string first = archive("first");
    std::string second = archive("second");
    for (CompressionMethod method : written_methods) {
        INFO(to_string(method));
        std::string image;
        for (const std::string& part : {first, second}) {
            auto frame = compress_frame(part, quick(method));
            REQUIRE(frame);
            image += *frame + std::string(frame_padding(method, frame->size()), '\0');
        }
        auto inspection = inspect_initramfs(image);
        REQUIRE(inspection);
        REQUIRE(inspection->segments.size() == 2);
        CHECK(inspection->segments[0].entries[0].path == "first");
        CHECK(inspection->segments[1].entries[0].path == "second");
        CHECK(inspection->segments[1].compression == method);
        CHECK(inspection->segments[1].ended);
    }
}

TEST_CASE("an uncompressed early archive and a compressed one, as other builders make them") {
    std::string early = archive("kernel/x86/microcode/GenuineIntel.bin", "code");
    early.resize((early.size() + 511) / 512 * 512, '\0');
    for (const auto& [method, program] : programs) {
        INFO(to_string(method));
        auto inspection = inspect_initramfs(early + packed_by(program, archive("init")));
        REQUIRE(inspection);
        REQUIRE(inspection->segments.size() == 2);
        CHECK(inspection->segments[0].compression == CompressionMethod::none);
        CHECK(inspection->segments[1].compression == method);
        CHECK(inspection->segments[1].entries[0].path == "init");
    }
}
