#include "lib/oci/byte_pipe.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <thread>

using namespace osiekit;
using namespace osiekit::oci;

namespace {

constexpr std::size_t capacity = 64;

std::string read_all(BytePipe& pipe) {
    std::string all;
    for (;;) {
        auto piece = pipe.read();
        REQUIRE(piece);
        if (piece->empty()) return all;
        all += *piece;
    }
}

}  // namespace

TEST_CASE("bytes come out of a pipe as they went in, whatever the pieces") {
    std::string sent;
    for (int i = 0; i < 20000; ++i) sent += static_cast<char>(i * 7 % 251);
    BytePipe pipe(capacity);
    std::thread writer([&] {
        // From one byte to more than the pipe holds.
        std::size_t size = 1;
        for (std::size_t at = 0; at < sent.size(); at += size, size = size % (3 * capacity) + 1) {
            auto piece = std::string_view(sent).substr(at, size);
            size = piece.size();
            if (!pipe.write(piece)) return;
        }
        pipe.finish();
    });
    std::string received = read_all(pipe);
    writer.join();
    CHECK(received == sent);
}

TEST_CASE("a reader gets what there is when the end comes before a run of bytes") {
    BytePipe pipe(capacity);
    std::thread writer([&] {
        pipe.write("x");
        pipe.finish();
    });
    CHECK(read_all(pipe) == "x");
    writer.join();
}

TEST_CASE("a pipe's reader gets the bytes before the error") {
    BytePipe pipe(capacity);
    pipe.write("begin");
    pipe.finish(Error(ErrorKind::network, "cut off"));
    auto piece = pipe.read();
    REQUIRE(piece);
    CHECK(*piece == "begin");
    auto after = pipe.read();
    REQUIRE_FALSE(after);
    CHECK(after.error().kind() == ErrorKind::network);
}

TEST_CASE("abandoning a pipe wakes its writer and its reader") {
    BytePipe full(capacity);
    bool more = true;
    std::thread writer([&] {
        while (more) more = full.write("some bytes of a stream");
    });
    BytePipe empty(capacity);
    ErrorKind kind = ErrorKind::internal;
    std::thread reader([&] {
        auto piece = empty.read();
        if (!piece) kind = piece.error().kind();
    });
    full.abandon();
    empty.abandon();
    writer.join();
    reader.join();
    CHECK_FALSE(more);
    CHECK(kind == ErrorKind::cancelled);
    CHECK(full.abandoned());
}
