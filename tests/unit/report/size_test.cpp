#include "builder/report/size_tree.hpp"

#include <numeric>

#include "builder/image/zstd_stream.hpp"
#include "builder/report/treemap.hpp"
#include "tests/unit/builder/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace {

std::string archive(const std::vector<std::pair<std::string, std::string>>& files) {
    Tree tree;
    for (const auto& [path, content] : files)
        REQUIRE(tree.add(path, Entry::file(FileContent::bytes(content), "t")));
    return cpio_of(tree);
}

std::string frame(const std::string& bytes) {
    auto made = zstd_compress(bytes, {});
    REQUIRE(made);
    std::string padded = *made;
    padded.append((4 - padded.size() % 4) % 4, '\0');
    return padded;
}

Contents contents_from(const std::string& image) {
    auto inspection = inspect_initramfs(image);
    if (!inspection) FAIL(inspection.error().to_string());
    return contents_of(*inspection);
}

const SizeNode* child(const SizeNode* node, const std::string& name) {
    REQUIRE(node != nullptr);
    for (const SizeNode& one : node->children)
        if (one.name == name) return &one;
    return nullptr;
}

// Every node's numbers are at least what its children have together; files' are exact.
void check_sums(const SizeNode& node) {
    std::uint64_t packed = 0;
    std::uint64_t unpacked = 0;
    std::uint64_t files = 0;
    for (const SizeNode& one : node.children) {
        packed += one.packed;
        unpacked += one.unpacked;
        files += one.files;
        check_sums(one);
    }
    if (node.children.empty()) return;
    CHECK(packed <= node.packed);
    CHECK(unpacked == node.unpacked);
    CHECK(files == node.files);
}

std::string first() {
    return archive({{"usr/lib/a", std::string(3000, 'a')},
                    {"usr/lib/b", std::string(1000, 'b')},
                    {"etc/motd", "hello"}});
}
std::string second() {
    return archive({{"init", std::string(500, 'i')}});
}

}  // namespace

TEST_CASE("sizes add up from files to the image") {
    std::string image = frame(first()) + frame(second());
    Contents contents = contents_from(image);
    SizeNode tree = size_tree(contents, 100);
    CHECK(tree.packed == image.size() + 100);
    CHECK(tree.unpacked == 3000 + 1000 + 5 + 500 + 100);
    CHECK(tree.files == 5);
    check_sums(tree);
    const SizeNode* segment = child(&tree, "segment 0 (zstd)");
    REQUIRE(segment != nullptr);
    CHECK(segment->packed == frame(first()).size());
    const SizeNode* library = child(segment, "usr/lib");
    REQUIRE(library != nullptr);
    CHECK(library->unpacked == 4000);
    REQUIRE(library->children.size() == 2);
    CHECK(library->children[0].name == "a");
    CHECK(child(segment, "etc")->children.at(0).unpacked == 5);
    CHECK(child(&tree, "vmlinuz")->packed == 100);
    CHECK(child(child(&tree, "segment 1 (zstd)"), "init")->unpacked == 500);
}

TEST_CASE("segments are named by the manifest of the same image only") {
    std::string one = frame(first());
    std::string two = frame(second());
    Contents contents = contents_from(one + two);
    auto segment = [](const std::string& name, std::size_t size) {
        return nlohmann::json{{"name", name}, {"size", size}};
    };
    contents.manifest["segments"] = {segment("base", one.size()), segment("site", two.size())};
    CHECK(segment_names(contents) == std::vector<std::string>{"base", "site"});
    CHECK(child(&*std::make_unique<SizeNode>(size_tree(contents, 0)), "site") != nullptr);
    contents.manifest["segments"] = {segment("base", one.size() + 4), segment("site", two.size())};
    CHECK(segment_names(contents).empty());
    contents.manifest["segments"] = {segment("base", one.size())};
    CHECK(segment_names(contents).empty());
    contents.manifest["segments"] = {1, "x"};
    CHECK(segment_names(contents).empty());
}

TEST_CASE("hard links, deep paths and odd names are counted once") {
    Tree tree;
    Entry linked = Entry::file(FileContent::bytes(std::string(4000, 'x')), "t");
    linked.link_group = "g";
    REQUIRE(tree.add("one", linked));
    REQUIRE(tree.add("two", linked));
    std::string deep;
    for (int i = 0; i < 200; ++i) deep += "d/";
    REQUIRE(tree.add(deep + "f", Entry::file(FileContent::bytes("y"), "t")));
    SizeNode sizes = size_tree(contents_from(cpio_of(tree)), 0);
    CHECK(sizes.unpacked == 4001);
    CHECK(sizes.files == 3);
    check_sums(sizes);
}

TEST_CASE("a tree is cut to a depth, and small things are put together") {
    SizeNode tree{"image", 1000, 1000, 5, {}};
    tree.children = {{"big", 900, 900, 1, {{"inside", 900, 900, 1, {}}}},
                     {"a", 60, 60, 2, {}},
                     {"b", 30, 30, 1, {}},
                     {"c", 10, 10, 1, {}}};
    SizeNode shown = pruned(tree, 1, 0.05);
    REQUIRE(shown.children.size() == 3);
    CHECK(shown.children[0].children.empty());
    CHECK(shown.children[2].name == "2 more");
    CHECK(shown.children[2].packed == 40);
    CHECK(shown.children[2].files == 2);
    CHECK(pruned(tree, 0, 0).children.empty());
    CHECK(pruned(tree, 9, 0).children[0].children.size() == 1);
    // One small thing keeps its name.
    CHECK(pruned(tree, 1, 0.02).children.back().name == "c");
    CHECK(size_json(tree)["children"][0]["children"][0]["packed"] == 900);
}

TEST_CASE("a treemap fills its space with rectangles in proportion") {
    // The example of the paper: areas of a 6 by 4 rectangle.
    std::vector<double> values = {6, 6, 4, 3, 2, 2, 1};
    auto boxes = squarified(values, {0, 0, 6, 4});
    double area = 0;
    for (std::size_t i = 0; i < boxes.size(); ++i) {
        CHECK(boxes[i].width * boxes[i].height == Approx(values[i]));
        area += boxes[i].width * boxes[i].height;
        CHECK(boxes[i].x >= 0);
        CHECK(boxes[i].x + boxes[i].width <= Approx(6));
        CHECK(boxes[i].y + boxes[i].height <= Approx(4));
        for (std::size_t j = 0; j < i; ++j) {
            double wide = std::min(boxes[i].x + boxes[i].width, boxes[j].x + boxes[j].width) -
                          std::max(boxes[i].x, boxes[j].x);
            double high = std::min(boxes[i].y + boxes[i].height, boxes[j].y + boxes[j].height) -
                          std::max(boxes[i].y, boxes[j].y);
            CHECK((wide < 1e-9 || high < 1e-9));
        }
    }
    CHECK(area == Approx(24));
    CHECK(boxes[0].width == Approx(3));
    CHECK(boxes[0].height == Approx(2));
    CHECK(squarified({0, 0}, {0, 0, 1, 1})[0].width == 0);
    CHECK(squarified({5}, {0, 0, 0, 1})[0].width == 0);
    CHECK(squarified({}, {0, 0, 1, 1}).empty());
}

TEST_CASE("names cannot break out of a picture") {
    CHECK(xml_text("a<b>&\"c\"") == "a&lt;b&gt;&amp;&quot;c&quot;");
    CHECK(xml_text("\x01\xff\xc3\xa4\xc3") == "\xef\xbf\xbd\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd");
    SizeNode tree{"image", 100, 100, 1, {{"<script>x</script>", 100, 100, 1, {}}}};
    std::string svg = treemap_svg(tree, {1200, 800, 6, "a & b"});
    CHECK(svg.find("<script>") == std::string::npos);
    CHECK(svg.find("&lt;script&gt;") != std::string::npos);
    CHECK(svg.find("a &amp; b") != std::string::npos);
}
