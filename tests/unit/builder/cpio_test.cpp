#include <sys/stat.h>

#include "builder/image/cpio_reader.hpp"
#include "builder/image/cpio_writer.hpp"
#include "lib/base/child.hpp"
#include "tests/unit/builder/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace {

Tree sample() {
    Tree tree;
    REQUIRE(tree.add("dev/console", Entry::device(5, 1, 0600, "t")));
    REQUIRE(tree.add("etc/name", Entry::file(FileContent::bytes("osie\n"), "t", 0640)));
    REQUIRE(tree.add("etc/mtab", Entry::symlink("/proc/mounts", "t")));
    Entry one = Entry::file(FileContent::bytes("same"), "t");
    one.link_group = "g";
    REQUIRE(tree.add("usr/one", one));
    REQUIRE(tree.add("usr/two", one));
    return tree;
}

std::vector<CpioEntry> read(const std::string& archive) {
    std::vector<CpioEntry> entries;
    CpioReader reader(archive);
    for (;;) {
        auto entry = reader.next();
        REQUIRE(entry);
        if (!*entry) break;
        entries.push_back(**entry);
    }
    CHECK(reader.offset() == archive.size());
    return entries;
}

// A header with these fields, name and data behind it.
std::string raw(std::uint32_t name_size, std::uint32_t size, const std::string& rest) {
    std::string text = "070701";
    for (std::uint32_t field :
         {1U, 0100644U, 0U, 0U, 1U, 0U, size, 0U, 0U, 0U, 0U, name_size, 0U}) {
        char digits[9];
        std::snprintf(digits, sizeof digits, "%08x", field);
        text += digits;
    }
    return text + rest;
}

}  // namespace

TEST_CASE("what the writer writes the reader reads") {
    std::string archive = cpio_of(sample(), 7, "etc/name");
    CHECK(archive.size() % 4 == 0);
    auto entries = read(archive);
    std::vector<std::string> paths;
    for (const CpioEntry& entry : entries) paths.emplace_back(entry.path);
    CHECK(paths == std::vector<std::string>{"dev", "dev/console", "etc", "etc/mtab", "usr",
                                            "usr/one", "usr/two", "etc/name"});
    CHECK(entries[0].mode == (S_IFDIR | 0755));
    CHECK(entries[0].links == 2);
    CHECK(entries[1].mode == (S_IFCHR | 0600));
    CHECK(entries[1].device_major == 5);
    CHECK(entries[1].device_minor == 1);
    CHECK(entries[3].content == "/proc/mounts");
    CHECK(entries[7].content == "osie\n");
    CHECK(entries[7].mode == (S_IFREG | 0640));
    for (const CpioEntry& entry : entries) CHECK(entry.mtime == 7);
    // Hard links: one inode, the bytes once.
    CHECK(entries[5].inode == entries[6].inode);
    CHECK(entries[5].links == 2);
    CHECK(entries[5].content == "same");
    CHECK(entries[6].content.empty());
    CHECK(entries[7].inode == entries[6].inode + 1);
}

TEST_CASE("cpio unpacks what the writer writes") {
    auto folder = TempDir::create();
    REQUIRE(folder);
    Tree tree;
    REQUIRE(tree.add("a/file", Entry::file(FileContent::bytes("text"), "t", 0600)));
    REQUIRE(tree.add("a/link", Entry::symlink("file", "t")));
    Entry one = Entry::file(FileContent::bytes("same"), "t");
    one.link_group = "g";
    REQUIRE(tree.add("b/one", one));
    REQUIRE(tree.add("b/two", one));
    spill(*folder / "archive", cpio_of(tree));
    auto done = run_command({"cpio", "-im", "--quiet", "-D", folder->path().string(), "-F",
                             (*folder / "archive").string()});
    REQUIRE(done);
    INFO(done->err);
    REQUIRE(done->exit_code == 0);
    CHECK(slurp(*folder / "a/link") == "text");
    CHECK(slurp(*folder / "b/two") == "same");
    CHECK(std::filesystem::hard_link_count(*folder / "b/one") == 2);
    CHECK(
        std::filesystem::last_write_time(*folder / "a/file") ==
        std::filesystem::file_time_type::clock::from_sys(std::chrono::system_clock::time_point()));
}

TEST_CASE("a file that newc cannot hold is refused") {
    CpioWriter writer([](std::string_view) { return Status(); }, 0);
    auto none = [](const ByteSink&) { return Status(); };
    Entry large = Entry::file(FileContent::lazy(largest_cpio_file + 1, none), "t");
    auto refused = writer.add("large", large);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind() == ErrorKind::limit);
    CHECK(writer.size() == 0);
    // One byte less is taken: here the header goes out and then the content fails.
    Entry fits = Entry::file(FileContent::lazy(largest_cpio_file, none), "t");
    CHECK_FALSE(writer.add("fits", fits));
    CHECK(writer.size() > 0);
    CHECK_FALSE(writer.add(std::string(longest_path + 1, 'x'), Entry::directory("t")));
}

TEST_CASE("the reader refuses what is not an archive") {
    auto fails = [](const std::string& archive) {
        CpioReader reader(archive);
        for (;;) {
            auto entry = reader.next();
            if (!entry) return entry.error().kind() == ErrorKind::invalid_input;
            if (!*entry) return false;
        }
    };
    std::string good = cpio_of(sample());
    CHECK_FALSE(fails(good));
    CHECK(fails(""));
    CHECK(fails("070701"));
    CHECK(fails("070707" + good.substr(6)));
    CHECK(fails(good.substr(0, 4) + "zz" + good.substr(6)));
    for (std::size_t size = 0; size + 4 < good.size(); size += 3)
        CHECK(fails(good.substr(0, size)));
    CHECK(fails(raw(0, 0, std::string(8, '\0'))));
    CHECK(fails(raw(4, 0, "abcd")));
    CHECK(fails(raw(5, 0, std::string("a\0bc\0", 5))));
    CHECK(fails(raw(0xffffffff, 0, "abc")));
    CHECK(fails(raw(2, 0xffffffff, std::string("a\0", 2))));
    CHECK(fails(raw(longest_path + 2, 0, std::string(longest_path + 1, 'a') + '\0')));
    // The longest name is read; what fails is that nothing follows.
    std::string longest = raw(longest_path + 1, 0, std::string(longest_path, 'a') + '\0');
    CpioReader reader(longest);
    auto entry = reader.next();
    REQUIRE(entry);
    CHECK((**entry).path.size() == longest_path);
}
