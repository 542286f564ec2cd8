#include "builder/image/contents.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include "builder/image/diff.hpp"
#include "builder/image/extract.hpp"
#include "builder/image/frame_writer.hpp"
#include "lib/base/child.hpp"
#include "tests/unit/builder/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace {

struct Raw {
    std::string path;
    std::uint32_t mode;
    std::string content;
    std::uint32_t inode;
    std::uint32_t links;
    std::string magic = "070701";
    std::uint32_t check = 0;
    std::uint32_t uid = 0;
    Raw(std::string name, std::uint32_t type_and_mode = S_IFREG | 0644, std::string bytes = "",
        std::uint32_t number = 1, std::uint32_t names = 1)
        : path(std::move(name)),
          mode(type_and_mode),
          content(std::move(bytes)),
          inode(number),
          links(names) {}
};

void append(std::string& archive, const Raw& entry) {
    archive += entry.magic;
    for (std::uint32_t field : {entry.inode, entry.mode, entry.uid, 0U, entry.links, 0U,
                                static_cast<std::uint32_t>(entry.content.size()), 0U, 0U, 5U, 1U,
                                static_cast<std::uint32_t>(entry.path.size() + 1), entry.check}) {
        char digits[9];
        std::snprintf(digits, sizeof digits, "%08x", field);
        archive += digits;
    }
    auto pad = [&] { archive.append((4 - archive.size() % 4) % 4, '\0'); };
    archive += entry.path + '\0';
    pad();
    archive += entry.content;
    pad();
}

std::string archive_of(const std::vector<Raw>& entries) {
    std::string archive;
    for (const Raw& entry : entries) append(archive, entry);
    append(archive, {"TRAILER!!!", 0, "", 0});
    return archive;
}

Contents contents_from(const std::string& image) {
    auto inspection = inspect_initramfs(image);
    REQUIRE(inspection);
    return contents_of(*std::move(inspection));
}

// Where a test unpacks to, and what must stay as it is.
struct Place {
    TempDir folder = *TempDir::create();
    std::filesystem::path to = folder / "out";
    Place() { spill(folder / "victim", "mine"); }
    Result<ExtractReport> extract(const std::string& image) {
        auto report = extract_initramfs(image, to);
        CHECK(slurp(folder / "victim") == "mine");
        std::size_t present = 0;
        for (const auto& item : std::filesystem::directory_iterator(folder.path()))
            present += item.exists() || item.is_symlink() ? 1U : 0U;
        CHECK(present == (report ? 2U : 1U));
        return report;
    }
};

constexpr std::uint32_t folder_mode = S_IFDIR | 0755;
constexpr std::uint32_t link_mode = S_IFLNK | 0777;

}  // namespace

TEST_CASE("paths are made normal") {
    CHECK(normal_path("./usr//bin/") == "usr/bin");
    CHECK(normal_path("/init") == "init");
    CHECK(normal_path(".") == "");
    CHECK_FALSE(normal_path("a/../b"));
    CHECK(normal_path("..a/b..") == "..a/b..");
}

TEST_CASE("later entries replace earlier ones, and modules and makers are known") {
    std::string image =
        archive_of({{"./etc"}, {"conf/initramfs.conf"}, {"a", S_IFREG | 0644, "old"}}) +
        archive_of({{"/a", S_IFREG | 0600, "new!"},
                    {"usr/lib/modules/6.1-x/kernel/net/e1000-x.ko.xz"},
                    {"lib/modules/6.1-x/modules.dep"}});
    Contents contents = contents_from(image);
    CHECK(contents.entry(contents.files.at("a")).size == 4);
    CHECK(contents.files.count("etc") == 1);
    CHECK(contents.modules == std::set<std::string>{"e1000_x"});
    CHECK(contents.kernels == std::set<std::string>{"6.1-x"});
    CHECK(contents.maker == "initramfs-tools");
    CHECK(contents_from(archive_of({{"usr/lib/dracut", folder_mode}})).maker == "dracut");
    CHECK(contents_from(archive_of({{"etc/osie/complete"}})).maker == "osiekit");
    CHECK(contents_from(archive_of({{"init"}})).maker.empty());
}

TEST_CASE("hard links share size and content, wherever the bytes are") {
    std::uint32_t file = S_IFREG | 0644;
    for (bool last : {false, true}) {
        std::string image = archive_of({{"one", file, last ? "" : "same", 7, 2},
                                        {"two", file, last ? "same" : "", 7, 2},
                                        {"other", file, "", 8, 1}});
        Contents contents = contents_from(image);
        for (const char* name : {"one", "two"}) {
            CHECK(contents.entry(contents.files.at(name)).size == 4);
            CHECK(contents.entry(contents.files.at(name)).digest == Sha256::of("same"));
        }
        CHECK(contents.entry(contents.files.at("two")).link_to == "one");
        CHECK(contents.entry(contents.files.at("other")).size == 0);
        Place place;
        REQUIRE(place.extract(image));
        CHECK(slurp(place.to / "one") == "same");
        CHECK(slurp(place.to / "two") == "same");
        CHECK(slurp(place.to / "other").empty());
    }
    // The end mark forgets what was linked.
    Contents contents = contents_from(archive_of({{"one", file, "same", 7, 2}}) +
                                      archive_of({{"two", file, "", 7, 2}}));
    CHECK(contents.entry(contents.files.at("two")).size == 0);
}

TEST_CASE("checksums, end marks and limits are as the kernel has them") {
    Raw entry("a", S_IFREG | 0644, "\x01\x02");
    entry.magic = "070702";
    entry.check = 3;
    CHECK(inspect_initramfs(archive_of({entry})));
    entry.check = 4;
    CHECK_FALSE(inspect_initramfs(archive_of({entry})));
    std::string open;
    append(open, Raw("a"));
    auto inspection = inspect_initramfs(open);
    REQUIRE(inspection);
    CHECK_FALSE(inspection->segments[0].ended);
    // Two archives in one compressed segment.
    auto frame = compress_frame(archive_of({{"a"}}) + std::string(8, '\0') + archive_of({{"b"}}),
                                default_compression(CompressionMethod::gzip));
    REQUIRE(frame);
    inspection = inspect_initramfs(*frame);
    REQUIRE(inspection);
    CHECK(inspection->segments[0].entries.size() == 2);
    // Behind an uncompressed archive only at a multiple of four.
    std::string plain = archive_of({{"a"}});
    CHECK(inspect_initramfs(plain + std::string(4, '\0') + *frame));
    CHECK_FALSE(inspect_initramfs(plain + std::string(3, '\0') + *frame));
    // A folder with content is passed over.
    Contents contents = contents_from(archive_of({{"d", folder_mode, "x"}, {"e", folder_mode}}));
    CHECK(contents.files.size() == 1);
    InspectOptions options;
    options.entries = 2;
    options.segments = 2;
    CHECK(inspect_initramfs(archive_of({{"a"}, {"b"}}), options));
    CHECK_FALSE(inspect_initramfs(archive_of({{"a"}, {"b"}, {"c"}}), options));
    CHECK(inspect_initramfs(archive_of({}) + archive_of({}), options));
    CHECK_FALSE(inspect_initramfs(archive_of({}) + archive_of({}) + archive_of({}), options));
}

TEST_CASE("an image is unpacked as the kernel would leave it") {
    std::string image = archive_of({{".", folder_mode},
                                    {"usr", folder_mode},
                                    {"usr/bin", folder_mode},
                                    {"bin", link_mode, "usr/bin"},
                                    {"bin/sh", S_IFREG | 0755, "shell"},
                                    {"deep/er/file", S_IFREG | 0600, "x"},
                                    {"dev/console", S_IFCHR | 0600},
                                    {"same", S_IFREG | 0644, "old"},
                                    {"same", S_IFREG | 0640, "new"}});
    Place place;
    auto report = place.extract(image);
    REQUIRE(report);
    CHECK(slurp(place.to / "usr/bin/sh") == "shell");
    CHECK(std::filesystem::read_symlink(place.to / "bin") == "usr/bin");
    CHECK(slurp(place.to / "same") == "new");
    struct stat status = {};
    REQUIRE(::stat((place.to / "same").c_str(), &status) == 0);
    CHECK((status.st_mode & 07777U) == 0640);
    CHECK(report->files == 3);
    CHECK(report->symlinks == 1);
    if (::geteuid() != 0) CHECK(report->left_out == std::vector<std::string>{"dev/console"});
    auto again = extract_initramfs(image, place.to);
    REQUIRE_FALSE(again);
    CHECK(again.error().to_string().find("is there already") != std::string::npos);
}

TEST_CASE("nothing gets out of the folder") {
    for (const char* name : {"../victim", "a/../../victim", "/../victim", ".."}) {
        INFO(name);
        Place place;
        CHECK_FALSE(place.extract(archive_of({{name, S_IFREG | 0644, "evil"}})));
    }
    // Symlinks lead to places inside.
    for (const char* target : {"..", "../..", "/", "/..", "../../../../tmp"}) {
        INFO(target);
        Place place;
        auto report = place.extract(
            archive_of({{"out", link_mode, target}, {"out/victim", S_IFREG | 0644, "evil"}}));
        REQUIRE(report);
        CHECK(report->files == 1);
    }
    Place place;
    std::string absolute = (place.folder / "victim").string();
    auto report = place.extract(
        archive_of({{"link", link_mode, absolute}, {"link", S_IFREG | 0644, "evil"}, {absolute}}));
    REQUIRE(report);
    CHECK(slurp(place.to / "link") == "evil");
    CHECK(slurp(place.to / absolute.substr(1)).empty());
    Place loop;
    CHECK_FALSE(loop.extract(
        archive_of({{"a", link_mode, "b"}, {"b", link_mode, "a"}, {"a/x", S_IFREG | 0644, "x"}})));
    Place below;
    CHECK_FALSE(below.extract(archive_of({{"a"}, {"a/b"}})));
}

TEST_CASE("images are compared by what they hold") {
    std::uint32_t file = S_IFREG | 0644;
    std::string one = archive_of({{"a", file, "x"}, {"b", file, "y"}, {"gone"}});
    auto packed = compress_frame(one, default_compression(CompressionMethod::xz));
    REQUIRE(packed);
    CHECK(diff_images(contents_from(one), contents_from(*packed)).same());
    Raw other("b", file, "y");
    other.uid = 5;
    std::string two = archive_of({{"a", file, "z"}, other, {"lib/modules/6.1/new.ko"}});
    ImageDiff diff = diff_images(contents_from(one), contents_from(two));
    CHECK_FALSE(diff.same());
    REQUIRE(diff.files.size() == 4);
    CHECK(diff.files[0].name == "a");
    CHECK(diff.files[0].before.find(Sha256::of("x").hex()) != std::string::npos);
    CHECK(diff.files[1].before.find(" 0:0 ") != std::string::npos);
    CHECK(diff.files[1].after.find(" 5:0 ") != std::string::npos);
    CHECK(diff.files[2].after.empty());
    CHECK(diff.files[3].before.empty());
    CHECK(diff.modules == std::vector<Difference>{{"new", "", "present"}});
    CHECK(diff.packages.empty());
    Contents before = contents_from(one);
    Contents after = contents_from(one);
    before.manifest = {{"packages", {{{"name", "bash"}, {"version", "1"}}}}};
    after.manifest = {{"packages", {{{"name", "bash"}, {"version", "2"}}, 7}}};
    diff = diff_images(before, after);
    REQUIRE(diff.packages.size() == 1);
    CHECK(diff_json(diff)["packages"][0]["name"] == "bash");
    // The same name in two systems is two packages.
    auto package = [](const char* system, const char* version) -> nlohmann::json {
        return {{"name", "bash"}, {"system", system}, {"version", version}};
    };
    before.manifest = {{"packages", {package("debian", "1"), package("alpine", "5")}}};
    after.manifest = {{"packages", {package("debian", "1"), package("alpine", "6")}}};
    diff = diff_images(before, after);
    REQUIRE(diff.packages.size() == 1);
    CHECK(diff.packages[0].name == "alpine:bash");
    after.manifest = nullptr;
    CHECK(diff_images(before, after).same());
}
