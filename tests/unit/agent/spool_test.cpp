// The spool where there is no room for it. Needs root, for a file system of its own.
#include "agent/spool.hpp"

#include <fcntl.h>
#include <sys/mount.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "lib/base/text.hpp"

using namespace osiekit;
using namespace osiekit::agent;

namespace {

// A tmpfs of 256 KiB with a file that takes all of it but for a given rest.
struct TinyFileSystem {
    static constexpr std::size_t bytes = 256U << 10U;
    TempDir directory = TempDir::create("spool").value();
    TinyFileSystem() {
        REQUIRE(::mount("tmpfs", directory.path().c_str(), "tmpfs", 0, "size=256k") == 0);
    }
    TinyFileSystem(const TinyFileSystem&) = delete;
    TinyFileSystem& operator=(const TinyFileSystem&) = delete;
    ~TinyFileSystem() { ::umount2(directory.path().c_str(), MNT_DETACH); }
    void leave(std::size_t rest) const {
        std::filesystem::remove(directory / "ballast");
        Fd file = open_file(directory / "ballast", O_WRONLY | O_CREAT).value();
        REQUIRE(::posix_fallocate(file.get(), 0, static_cast<off_t>(bytes - rest)) == 0);
    }
    void make_room() const { std::filesystem::remove(directory / "ballast"); }
};

// What a reader makes of it: the numbers of the test's lines, and what was said to be lost.
struct Seen {
    std::vector<std::uint64_t> numbers;
    std::uint64_t lost = 0;
    std::uint64_t notes = 0;
    std::uint64_t damaged = 0;
    void read(SpoolReader& reader) {
        SpoolReader::Listener listener;
        listener.on_gap = [](std::uint64_t lines) { FAIL(lines << " lines are gone"); };
        listener.on_line = [this](const OutputLine& line) {
            auto words = split_words(line.text);
            if (line.time == "-") {
                ++damaged;
            } else if (line.error) {
                lost += parse_u64(words.at(0).substr(1)).value();
                ++notes;
            } else {
                numbers.push_back(parse_u64(words.at(1)).value());
            }
        };
        reader.read(listener);
    }
};

void write_lines(SpoolWriter& writer, std::uint64_t first, std::uint64_t count, std::size_t batch) {
    for (std::uint64_t number = first; number < first + count; ++number) {
        writer.add(false, "line " + std::to_string(number) + " " + std::string(100, 'x'));
        if ((number - first) % batch == batch - 1) writer.flush();
    }
    writer.flush();
}

}  // namespace

TEST_CASE("lines that there is no room for are counted, and told of when there is again") {
    // Writes of one line each, and some that are cut off in the middle.
    for (std::size_t batch : {1U, 7U, 500U}) {
        INFO("batches of " << batch);
        TinyFileSystem place;
        auto writer = SpoolWriter::create(place.directory / "output").value();
        SpoolReader reader(place.directory / "output", {});
        Seen seen;
        place.leave(32U << 10U);
        write_lines(writer, 0, 1000, batch);
        seen.read(reader);
        CHECK(!seen.numbers.empty());
        CHECK(seen.numbers.size() < 1000);
        place.make_room();
        write_lines(writer, 1000, 100, 10);
        seen.read(reader);
        CHECK(seen.damaged == 0);
        CHECK(seen.notes > 0);
        CHECK(seen.numbers.size() + seen.lost == 1100);
        CHECK(seen.numbers.back() == 1099);
        CHECK(std::is_sorted(seen.numbers.begin(), seen.numbers.end()));
        CHECK(std::adjacent_find(seen.numbers.begin(), seen.numbers.end()) == seen.numbers.end());
        // The note is a line as well: numbers of lines are the same for writer and reader.
        CHECK(reader.next_line() == seen.numbers.size() + seen.notes);
    }
}

TEST_CASE("room that comes and goes loses no line without a word") {
    TinyFileSystem place;
    auto writer = SpoolWriter::create(place.directory / "output").value();
    SpoolReader reader(place.directory / "output", {});
    Seen seen;
    std::uint64_t written = 0;
    for (int round = 0; round < 8; ++round) {
        std::size_t used = 0;
        for (const auto& file : std::filesystem::directory_iterator(place.directory / "output"))
            used += std::filesystem::file_size(file);
        // Less than a page more than there is.
        place.leave((used + 4095U) / 4096U * 4096U + 8192U);
        write_lines(writer, written, 200, 50);
        written += 200;
        seen.read(reader);
    }
    place.make_room();
    write_lines(writer, written, 1, 1);
    seen.read(reader);
    CHECK(seen.damaged == 0);
    CHECK(seen.lost > 0);
    CHECK(seen.numbers.size() + seen.lost == written + 1);
    CHECK(reader.next_line() == seen.numbers.size() + seen.notes);
}
