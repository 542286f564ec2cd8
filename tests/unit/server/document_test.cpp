#include <catch2/catch.hpp>

#include "server/document/fields.hpp"

using namespace osiekit;
using namespace osiekit::server;
using Catch::Matchers::Contains;
using nlohmann::json;

namespace {

std::string nested(int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') +
           std::string(static_cast<std::size_t>(depth), ']');
}

}  // namespace

TEST_CASE("YAML scalars become what YAML 1.2 says, file modes stay text") {
    auto document = parse_yaml(
        "{a: 1, b: -2, c: 1.5, d: true, e: ~, f: 'true', g: 0644, h: 08:00:27:01:02:03, i: 0x10, "
        "j: 1e3, k: .5, l: '', m: -, n: 1.2.3}");
    REQUIRE(document);
    CHECK(document->value == json::parse(R"({"a":1,"b":-2,"c":1.5,"d":true,"e":null,"f":"true",
        "g":"0644","h":"08:00:27:01:02:03","i":16,"j":1000.0,"k":0.5,"l":"","m":"-","n":"1.2.3"})"));
    CHECK(document->raw.at("i") == "0x10");
}

TEST_CASE("Paths know their lines") {
    auto document = parse_yaml("a:\n  - b: 1\n  - b: 2\n    c:\n      d: x\n");
    REQUIRE(document);
    CHECK(document->line("a[1].c.d") == 5);
    CHECK(document->line("a[1].c.missing") == 4);
    CHECK(document->line("missing") == 1);
}

TEST_CASE("Anchors and merge keys are resolved") {
    auto document = parse_yaml("base: &b {x: 1, y: 2}\nown: {<<: *b, y: 3}\nlist: [*b]\n");
    REQUIRE(document);
    CHECK(document->value["own"] == json({{"x", 1}, {"y", 3}}));
    CHECK(document->value["list"][0]["x"] == 1);
}

TEST_CASE("Broken YAML is refused with its line") {
    auto text = [](std::string_view yaml) {
        auto result = parse_yaml(yaml);
        return result ? std::string("accepted") : result.error().to_string();
    };
    CHECK_THAT(text("a: 1\nb: [\n"), Contains("line 3"));
    CHECK_THAT(text("a: 1\na: 2\n"), Contains("line 2") && Contains("'a' is given twice"));
    CHECK_THAT(text("a: 1\n---\nb: 2\n"), Contains("second document"));
    CHECK_THAT(text("[x]: 1\n"), Contains("a key must be text"));
    CHECK_THAT(text("<<: 5\n"), Contains("takes a mapping"));
}

TEST_CASE("Sizes of documents are limited") {
    std::string largest(max_document_bytes, ' ');
    CHECK(parse_yaml(largest));
    CHECK(parse_yaml(largest + " ").error().kind() == ErrorKind::limit);
    CHECK(parse_yaml(nested(max_document_depth)));
    CHECK(parse_yaml(nested(max_document_depth + 2)).error().kind() == ErrorKind::limit);
    CHECK(parse_json(nested(max_document_depth)));
    CHECK(parse_json(nested(max_document_depth + 2)).error().kind() == ErrorKind::limit);
    // Nine anchors of nine aliases each: a few hundred bytes that would be 387 million values.
    std::string bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n";
    for (int i = 1; i < 9; ++i) {
        std::string alias = "*a" + std::to_string(i - 1);
        bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
        for (int j = 0; j < 9; ++j) bomb += (j ? "," : "") + alias;
        bomb += "]\n";
    }
    CHECK(parse_yaml(bomb).error().kind() == ErrorKind::limit);
}

TEST_CASE("JSON is told by its first character") {
    CHECK(parse_document(" {\"a\": 1}")->value["a"] == 1);
    CHECK(parse_document("a: 1")->value["a"] == 1);
    CHECK_THAT(parse_document("{\"a\": }").error().to_string(), Contains("not JSON"));
}

TEST_CASE("What to_yaml writes is read back the same") {
    json value = json::parse(R"({"list":[1,{"a":"yes","b":[]},[2,["x"]]],"text":"two\nlines: #1",
        "empty":{},"null":null,"on":false,"mode":"0644","path":"/dev/vda","n":"12","f":1.5})");
    auto back = parse_yaml(to_yaml(value));
    REQUIRE(back);
    CHECK(back->value == value);
    CHECK(to_yaml("text") == "text");
}

TEST_CASE("Fields report everything that is wrong, with line, path and hint") {
    auto document =
        parse_yaml("name: 5\ncount: many\nflag: 1\nlist: x\nmap: [1]\nnmae: y\nzzzzzzzz: z\n");
    REQUIRE(document);
    Problems problems(*document);
    Fields top(document->value, "", problems);
    top.only({"name", "count", "flag", "list", "map"});
    CHECK(top.text("name").empty());
    CHECK(top.scalar_text("name") == "5");
    CHECK(top.integer("count", 0, 10, 7) == 7);
    CHECK(top.boolean("flag", true));
    CHECK(top.texts("list").empty());
    CHECK(top.text_map("map").empty());
    std::string text = problems.status().error().to_string();
    CHECK_THAT(text, Contains("line 1: name: must be text, not 5 (hint: put it in quotes)"));
    CHECK_THAT(text, Contains("line 2: count: must be a whole number, not \"many\""));
    CHECK_THAT(text, Contains("line 3: flag: must be true or false"));
    CHECK_THAT(text, Contains("line 4: list: must be a list"));
    CHECK_THAT(text, Contains("line 5: map: must be a mapping"));
    CHECK_THAT(text, Contains("line 6: nmae: unknown key (hint: did you mean 'name'?)"));
    REQUIRE(problems.warnings().size() == 1);
    CHECK_THAT(problems.warnings()[0], Contains("zzzzzzzz: unknown key, ignored"));
}
