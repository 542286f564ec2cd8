#include <catch2/catch.hpp>

#include "builder/debian/ar.hpp"
#include "builder/debian/decompress.hpp"
#include "builder/debian/package_index.hpp"
#include "builder/debian/relation.hpp"
#include "builder/debian/release.hpp"
#include "builder/debian/stanza.hpp"
#include "tests/unit/debian/test_packages.hpp"

using namespace osiekit;
using namespace osiekit::builder;

namespace {

std::string digest(char c) {
    return std::string(64, c);
}

}  // namespace

TEST_CASE("paragraphs, continuation lines and names in any case") {
    StanzaReader reader("\n\nA: 1\nB:\n x\n .\n\ty \n\n \nc-D: 2\n");
    std::vector<StanzaField> fields;
    REQUIRE(reader.next(fields).value());
    REQUIRE(fields.size() == 2);
    CHECK(stanza_value(fields, "a") == "1");
    CHECK(stanza_value(fields, "B") == "x\n .\n\ty");
    CHECK(stanza_value(fields, "absent").empty());
    REQUIRE(reader.next(fields).value());
    CHECK(stanza_value(fields, "C-d") == "2");
    REQUIRE_FALSE(reader.next(fields).value());
}

TEST_CASE("a paragraph that is none names the line") {
    for (const char* text : {"A: 1\n\n continued\n", "A: 1\n\nnonsense\n", "A: 1\n\n: x\n"}) {
        StanzaReader reader(text);
        std::vector<StanzaField> fields;
        REQUIRE(reader.next(fields).value());
        auto failed = reader.next(fields);
        REQUIRE(failed.error().kind() == ErrorKind::invalid_input);
        CHECK(failed.error().to_string().find("line 3") != std::string::npos);
    }
}

TEST_CASE("the limits of a paragraph") {
    StanzaLimits limits;
    limits.fields = 3;
    limits.value_size = 20;
    limits.name_size = 4;
    auto read = [&](const std::string& text) {
        std::vector<StanzaField> fields;
        return StanzaReader(text, limits).next(fields);
    };
    CHECK(read("a:\nb:\nc:\n"));
    CHECK(read("a:\nb:\nc:\nd:\n").error().kind() == ErrorKind::limit);
    CHECK(read("abcd:\n"));
    CHECK(read("abcde:\n").error().kind() == ErrorKind::limit);
    CHECK(read("a:" + std::string(18, 'x') + "\n"));
    CHECK(read("a:" + std::string(19, 'x') + "\n").error().kind() == ErrorKind::limit);
    CHECK(read("a: 1\n " + std::string(16, 'x') + "\n"));
    CHECK(read("a: 1\n " + std::string(20, 'x') + "\n").error().kind() == ErrorKind::limit);
}

TEST_CASE("relations: alternatives, versions, architectures") {
    auto groups =
        parse_relations("libc6 (>= 2.36), a:any|b ( <<2~ ) | c(=1:2-3),\n d (> 1),").value();
    REQUIRE(groups.size() == 3);
    CHECK(groups[0][0].to_string() == "libc6 (>= 2.36)");
    REQUIRE(groups[1].size() == 3);
    CHECK(groups[1][0].architecture == "any");
    CHECK(groups[1][1].to_string() == "b (<< 2~)");
    CHECK(groups[1][2].accepts("1:2-3"));
    CHECK_FALSE(groups[1][2].accepts("2-3"));
    // The old signs include equality.
    CHECK(groups[2][0].accepts("1"));
    CHECK(parse_relations("").value().empty());
    for (const char* bad : {"a (1)", "a (>=)", "a (>= 1", "-a", "a b", "a [amd64]", "a |",
                            "a:", "a (>= 1 2)", "a <!nocheck>"})
        CHECK(parse_relations(bad).error().kind() == ErrorKind::invalid_input);
}

TEST_CASE("the limit of relations in a field") {
    std::string text = "a";
    for (std::size_t i = 1; i < relation_limit; ++i) text += i % 2 == 0 ? ",a" : "|a";
    CHECK(parse_relations(text));
    CHECK(parse_relations(text + ",a").error().kind() == ErrorKind::limit);
}

TEST_CASE("a release file") {
    Release release =
        parse_release(
            "Suite: oldstable\nCodename: bookworm\nArchitectures: all amd64\n"
            "No-Support-for-Architecture-all: Packages\nAcquire-By-Hash: yes\n"
            "Date: Sat, 14 Nov 2026 10:05:46 UTC\n"
            "Valid-Until: Sat, 21 Nov 2026 10:05:46 UTC\nMD5Sum:\n 0 0 x\n"
            "SHA256:\n " +
            digest('a') + " 12 main/binary-amd64/Packages\n " + digest('b') + "     7 main/x\n")
            .value();
    CHECK(release.codename == "bookworm");
    CHECK(release.all_in_every_index);
    CHECK(release.acquire_by_hash);
    CHECK(release.date == 1794650746);
    CHECK(release.valid_until == 1794650746 + 7 * 86400);
    REQUIRE(release.files.size() == 2);
    CHECK(release.files.at("main/x").size == 7);
    for (const char* bad : {"", "Suite: x\n", "Date: yesterday\nSHA256:\n",
                            "Date: Sat, 14 Nov 2026 10:05:46 UTC\nSHA256:\n abc 1 x\n",
                            "Date: Sat, 14 Nov 2026 10:05:46 UTC\nValid-Until: soon\nSHA256:\n"})
        CHECK(parse_release(bad).error().kind() == ErrorKind::invalid_input);
    CHECK(parse_release("Date: Sat, 14 Nov 2026 10:05:46 UTC\nMD5Sum:\n 0 1 x\n").error().kind() ==
          ErrorKind::unsupported);
}

TEST_CASE("dates of release files") {
    CHECK(parse_release_date("Thu, 01 Jan 1970 00:00:00 UTC") == 0);
    CHECK(parse_release_date("Thu, 29 Feb 2024 23:59:59 GMT") == 1709251199);
    for (const char* bad : {"Fri, 29 Feb 2023 00:00:00 UTC", "Thu, 01 Foo 1970 00:00:00 UTC",
                            "Thu, 01 Jan 1970 24:00:00 UTC", "Thu, 01 Jan 1970 00:00:00 CET",
                            "Thu, 01 Jan 10000 00:00:00 UTC", "1970-01-01", ""})
        CHECK_FALSE(parse_release_date(bad));
}

TEST_CASE("an index keeps what is needed, and its compact form reads the same") {
    std::string text =
        "Package: a\nVersion: 1\nArchitecture: amd64\nMaintainer: x\nDepends: b,\n c\n"
        "Filename: pool/a.deb\nSize: 5\nSHA256: " +
        digest('1') +
        "\nDescription: x\n long\n\nPackage: old\nVersion: 1\nFilename: x\nSize: 1\n\n";
    auto records = parse_packages(text).value();
    REQUIRE(records.size() == 1);  // what has no SHA-256 cannot be used
    std::string compact = compact_packages(records);
    CHECK(compact.find("Maintainer") == std::string::npos);
    auto again = parse_packages(compact).value();
    REQUIRE(again.size() == 1);
    CHECK(again[0].depends == "b,  c");
    CHECK(again[0].digest.hex() == digest('1'));
    CHECK(again[0].filename == "pool/a.deb");
}

TEST_CASE("a package's name is one line of plain characters") {
    for (const char* name : {"a\n b", "a b", "a/b", "-a", "a\x01", ""}) {
        std::string text =
            std::string("Package: ") + name +
            "\nVersion: 1\nArchitecture: amd64\nFilename: a.deb\nSize: 1\nSHA256: " + digest('1') +
            "\n";
        auto records = parse_packages(text);
        REQUIRE_FALSE(records);
        CHECK(records.error().to_string().find('\n') == std::string::npos);
    }
}

TEST_CASE("an index whose fields lead elsewhere is refused") {
    auto with = [](const std::string& file, const std::string& size, const std::string& sum) {
        std::string text = "Package: a\nVersion: 1\nArchitecture: amd64\nFilename: ";
        return parse_packages(text.append(file) + "\nSize: " + size + "\nSHA256: " + sum + "\n");
    };
    CHECK(with("pool/a.deb", "1", digest('1')));
    CHECK_FALSE(with("../a.deb", "1", digest('1')));
    CHECK_FALSE(with("pool/../../a.deb", "1", digest('1')));
    CHECK_FALSE(with("/a.deb", "1", digest('1')));
    CHECK_FALSE(with("http://other.example/a.deb", "1", digest('1')));
    CHECK_FALSE(with("pool/a.deb", "-1", digest('1')));
    CHECK_FALSE(with("pool/a.deb", "1", "abc"));
    CHECK(with("pool/a.deb", std::to_string(package_size_limit), digest('1')));
    CHECK_FALSE(with("pool/a.deb", std::to_string(package_size_limit + 1), digest('1')));
}

TEST_CASE("ar archives, sound and broken") {
    std::string bytes = make_ar({{"one", "abc"}, {"two/", "defg"}});
    // Members are read as a whole, in part, or not at all.
    for (std::size_t taken : {0U, 2U, 9U}) {
        MemoryBytes source(bytes);
        ArReader reader(source);
        ArMember member;
        REQUIRE(reader.next(member).value());
        CHECK(member.name == "one");
        CHECK(member.size == 3);
        CHECK(take(reader.content(), taken).value() == std::string("abc").substr(0, taken));
        REQUIRE(reader.next(member).value());
        CHECK(member.name == "two");
        CHECK(take(reader.content(), taken).value() == std::string("defg").substr(0, taken));
        REQUIRE_FALSE(reader.next(member).value());
    }
    auto fails = [](std::string broken) {
        MemoryBytes source(broken);
        ArReader other(source);
        ArMember ignored;
        for (;;) {
            auto more = other.next(ignored);
            if (!more) return more.error().kind() == ErrorKind::invalid_input;
            if (!*more) return false;
        }
    };
    CHECK(fails("!<arch>"));
    CHECK(fails(bytes.substr(0, bytes.size() - 1)));  // the second member is cut
    CHECK(fails(bytes.substr(0, 40)));
    CHECK(fails(std::string(bytes).replace(8 + 48, 2, "-1")));
    CHECK(fails(std::string(bytes).replace(8 + 58, 2, "xx")));
    CHECK(fails(std::string(bytes).replace(8, 3, "   ")));
}

TEST_CASE("xz, gzip and plain text unpack up to the limit") {
    std::string text(3'000'000, 'x');
    std::string packed = compress_xz(text);
    CHECK(decompress_all(packed, "Packages.xz", text.size()).value() == text);
    CHECK(decompress_all(packed, "Packages.xz", text.size() - 1).error().kind() ==
          ErrorKind::limit);
    CHECK(decompress_all(text, "Packages", text.size()).value() == text);
    CHECK(decompress_all(text, "Packages", text.size() - 1).error().kind() == ErrorKind::limit);
    CHECK(decompress_all(packed.substr(0, packed.size() / 2), "x.xz", text.size()).error().kind() ==
          ErrorKind::invalid_input);
    CHECK(decompress_all("nonsense", "x.xz", 100).error().kind() == ErrorKind::invalid_input);
    CHECK(decompress_all("nonsense", "x.gz", 100).error().kind() == ErrorKind::invalid_input);
}

namespace {

// Bytes that come a few at a time, and now and then not at once.
class Trickle final : public ByteSource {
  public:
    explicit Trickle(std::string_view bytes) : size_(bytes.size()), rest_(bytes) {}
    std::uint64_t size() const override { return size_; }
    Result<std::size_t> read(char* into, std::size_t size, Wait wait) override {
        ++calls_;
        if (wait == Wait::no && calls_ % 3 == 0) return std::size_t{0};
        std::size_t count = std::min({size, rest_.size(), 1 + calls_ * 977 % 60'000});
        std::copy_n(rest_.data(), count, into);
        rest_.remove_prefix(count);
        return count;
    }

  private:
    std::uint64_t size_;
    std::string_view rest_;
    std::size_t calls_ = 0;
};

}  // namespace

TEST_CASE("xz is unpacked as it comes") {
    std::string text;
    for (std::uint64_t i = 0; text.size() < 3'000'000; ++i) text += std::to_string(i * 7919) + "\n";
    std::string packed = compress_xz(text);
    for (std::size_t cut : {std::size_t{0}, std::size_t{1}, packed.size() / 2}) {
        std::string_view there = std::string_view(packed).substr(0, packed.size() - cut);
        Trickle source(there);
        XzReader reader(source);
        std::string unpacked;
        Status ended;
        for (;;) {
            auto piece = reader.next();
            if (!piece) ended = piece.error();
            if (!piece || piece->empty()) break;
            unpacked += *piece;
        }
        CHECK(text.starts_with(unpacked));
        CHECK((unpacked.size() == text.size() && ended) == (cut == 0));
        if (cut > 0) CHECK(ended.error().message() == "the xz stream is cut short");
    }
}
