#include "builder/image/compose.hpp"
#include "builder/profile/profile.hpp"
#include "tests/unit/builder/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;

namespace {

const std::string minimal = "name: tiny\nkernel: {package: linux-image-test}\n";

Result<Profile> parse(const std::string& text, std::vector<std::string> set = {}) {
    ProfileOptions options;
    options.set = std::move(set);
    options.read = [](const std::filesystem::path&) -> Result<std::string> {
        return "variables: {host: base, level: 3}\n" + minimal + "init: {hostname: \"${host}\"}\n";
    };
    return parse_profile(text, "p.yaml", "/site", options);
}

std::string error_of(const std::string& text, std::vector<std::string> set = {}) {
    auto profile = parse(text, std::move(set));
    INFO(text);
    REQUIRE_FALSE(profile);
    bool limit = profile.error().kind() == ErrorKind::limit;
    REQUIRE((limit || exit_status(profile.error()) == 2));
    return profile.error().to_string();
}

}  // namespace

TEST_CASE("variables stand for text in every value") {
    std::string text = minimal +
                       "variables: {host: rack-1, level: 3, folder: /srv}\n"
                       "init: {hostname: \"${host}\"}\n"
                       "compression: {level: \"${level}\"}\n"
                       "directories: [\"${folder}/data\"]\n"
                       "symlinks: [{path: /x, target: \"a$${b}$c\"}]\n";
    auto profile = parse(text);
    REQUIRE(profile);
    CHECK(profile->init.hostname == "rack-1");
    CHECK(profile->compression.level == 3);
    CHECK(profile->directories[0].path == "srv/data");
    CHECK(profile->symlinks[0].target == "a${b}$c");
    profile = parse(text, {"host=rack-2", "level=19", "host=rack=3"});
    REQUIRE_FALSE(profile);  // "rack=3" is no host name
    profile = parse(text, {"host=rack-2", "level=19"});
    REQUIRE(profile);
    CHECK(profile->init.hostname == "rack-2");
    CHECK(profile->compression.level == 19);
}

TEST_CASE("a profile sets the variables of the one that it extends") {
    auto profile = parse("extends: base.yaml\nvariables: {host: mine}\n");
    REQUIRE(profile);
    CHECK(profile->init.hostname == "mine");
    profile = parse("extends: base.yaml\nvariables: {host: mine}\n", {"host=outside"});
    REQUIRE(profile);
    CHECK(profile->init.hostname == "outside");
}

TEST_CASE("content is a template where it says so") {
    auto profile = parse(minimal +
                         "variables: {a: 1}\n"
                         "files:\n"
                         "  - {path: /script, content: \"echo ${HOME}\"}\n"
                         "  - {path: /x, content: \"a is ${a}\", template: true}\n");
    REQUIRE(profile);
    CHECK(profile->files[0].content == "echo ${HOME}");
    CHECK(profile->files[1].content == "a is 1");
    CHECK(error_of(minimal + "files:\n  - path: /x\n    template: true\n    content: ${b}\n") ==
          "p.yaml:6: unknown variable \"b\" (hint: declare it: variables: {b: VALUE})");
    CHECK(error_of(minimal + "files: [{path: /x, content: y, template: 1}]\n") ==
          "p.yaml:3: \"files[0].template\" must be true or false, not \"1\"");
}

TEST_CASE("a source is a template where it says so") {
    auto folder = TempDir::create();
    REQUIRE(folder);
    test::spill(*folder / "source", "first\nhost ${host}\n");
    test::spill(*folder / "p.yaml", minimal +
                                        "variables: {host: rack}\n"
                                        "files: [{path: /x, source: source, template: true}]\n");
    auto profile = load_profile(*folder / "p.yaml", {{"host=${other}"}, {}});
    REQUIRE(profile);
    std::vector<std::string> warnings;
    auto tree = site_tree(*profile, LocalFiles(), warnings);
    REQUIRE(tree);
    auto content = tree->find("x")->content.load();
    REQUIRE(content);
    CHECK(*content == "first\nhost ${other}\n");  // a value is not looked through again
    test::spill(*folder / "source", "first\nhost ${hots}");
    auto wrong = site_tree(*profile, LocalFiles(), warnings);
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().to_string() ==
          (*folder / "source").string() +
              ":2: unknown variable \"hots\" (hint: did you mean \"host\"?)");
}

TEST_CASE("mistakes with variables are answered with place and hint") {
    std::string host = minimal + "variables:\n  host:\ninit:\n  hostname: ";
    CHECK(
        error_of(host + "${host}\n") ==
        "p.yaml:6: the variable \"host\" has no value (hint: give one: --set host=VALUE (declared "
        "at p.yaml:4))");
    CHECK(parse(host + "${host}\n", {"host=x"}));
    CHECK(error_of(host + "${hst}\n") ==
          "p.yaml:6: unknown variable \"hst\" (hint: did you mean \"host\"?)");
    CHECK(error_of(host + "${host\n") ==
          "p.yaml:6: \"${\" without \"}\" (hint: write $${ for the two characters themselves)");
    CHECK(error_of(host + "x\n", {"hosts=y"}) ==
          "--set: the profile has no variable \"hosts\" (hint: did you mean \"host\"?)");
    CHECK(error_of(host + "x\n", {"host"}) == "--set host: not of the form NAME=VALUE");
    CHECK(error_of(host + "x\n", {"=y"}).find("not of the form") != std::string::npos);
    CHECK(error_of(minimal + "variables: {a: \"${b}\"}\n")
              .find("p.yaml:3: the variable \"a\" refers to another variable") == 0);
    CHECK(error_of(minimal + "variables: {a: [1]}\n")
              .find("p.yaml:3: the variable \"a\" must be a single value, but is a list") == 0);
    CHECK(error_of(minimal + "variables: {a b: 1}\n").find("not the name of a variable") !=
          std::string::npos);
    CHECK(
        error_of(minimal + "variables: [a]\n").find("p.yaml:3: \"variables\" must be a mapping") ==
        0);
}

TEST_CASE("variables have limits") {
    auto named = [](std::size_t length) {
        return minimal + "variables: {" + std::string(length, 'n') + ": 1}\n";
    };
    CHECK(parse(named(64)));
    CHECK_FALSE(parse(named(65)));

    auto valued = [](std::size_t length) {
        return minimal + "variables: {n: " + std::string(length, 'v') + "}\n";
    };
    CHECK(parse(valued(longest_variable)));
    CHECK(error_of(valued(longest_variable + 1)).find("p.yaml:3: a variable is at most") == 0);
    CHECK(parse(valued(1), {"n=" + std::string(longest_variable, 'v')}));
    CHECK(error_of(valued(1), {"n=" + std::string(longest_variable + 1, 'v')})
              .find("--set n: a variable is at most") == 0);

    auto many = [](std::size_t count) {
        std::string text = minimal + "variables:\n";
        for (std::size_t i = 0; i < count; ++i) text += "  v" + std::to_string(i) + ": 1\n";
        return text;
    };
    CHECK(parse(many(most_variables)));
    CHECK(error_of(many(most_variables + 1)).find("more than 256 variables") != std::string::npos);

    Variables variables = {{"v", {std::string(largest_expansion / 16, 'x'), "here"}}};
    std::string sixteen;
    for (int i = 0; i < 16; ++i) sixteen += "${v}";
    CHECK(expand(sixteen, variables, "w").value().size() == largest_expansion);
    CHECK_FALSE(expand(sixteen + "y", variables, "w"));
    CHECK_FALSE(expand(sixteen + "${v}", variables, "w"));
    CHECK(expand_lines(sixteen, variables, "w"));
    CHECK_FALSE(expand_lines(sixteen + "\n", variables, "w"));
}
