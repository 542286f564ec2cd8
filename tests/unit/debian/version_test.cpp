#include "builder/debian/version.hpp"

#include <catch2/catch.hpp>
#include <future>
#include <random>
#include <string>
#include <vector>

#include "lib/base/child.hpp"

using osiekit::builder::compare_versions;

namespace {

int sign(std::weak_ordering order) {
    return order < 0 ? -1 : order > 0 ? 1 : 0;
}

// Versions as they occur, and as somebody would write them to break a comparison.
std::string random_version(std::mt19937& random) {
    auto below = [&](std::size_t n) { return static_cast<std::size_t>(random()) % n; };
    static const std::vector<std::string> pieces = {
        "0",  "1",    "00",       "10",  "9",   "010", "18446744073709551616",
        "~",  "~~",   "+",        ".",   "a",   "z",   "A",
        "b1", "~rc1", "+deb12u1", "+b1", "2.3", "bpo", "~bpo12+1"};
    std::string text;
    if (below(4) == 0) text = std::to_string(below(3)) + ":";
    text += std::to_string(below(3));  // dpkg wants a digit first
    for (std::size_t n = below(4); n > 0; --n) text += pieces[below(pieces.size())];
    if (below(2) == 0) {
        text += "-" + std::to_string(below(3));
        for (std::size_t n = below(3); n > 0; --n) text += pieces[below(pieces.size())];
    }
    return text;
}

}  // namespace

TEST_CASE("versions are ordered as dpkg orders them") {
    struct Case {
        const char* a;
        int order;
        const char* b;
    };
    for (const Case& one : {
             Case{"1.0~rc1", -1, "1.0"},
             {"1.0~~", -1, "1.0~"},
             {"1.0", -1, "1.0a"},
             {"1.0a", -1, "1.0+"},
             {"1.0", -1, "1.0-1"},
             {"1.0-0", 0, "1.0"},
             {"0:1.0", 0, "1.0"},
             {"1:0.1", 1, "9"},
             {"1.010", 0, "1.10"},
             {"1.0z", -1, "1.0.1"},
             {"1.0-1", -1, "1.0-1+b1"},
             {"1.0-1~deb12", -1, "1.0-1"},
             {"a-b", -1, "a.b"},
             {"20261121000000000000000001", 1, "20261121000000000000000000"},
             {"6.1.192-2", 1, "6.1.99-1"},
             {"", 0, "0"},
         }) {
        INFO(one.a << " and " << one.b);
        CHECK(sign(compare_versions(one.a, one.b)) == one.order);
        CHECK(sign(compare_versions(one.b, one.a)) == -one.order);
    }
}

TEST_CASE("the order is antisymmetric, reflexive and transitive") {
    std::mt19937 random(7);
    for (int i = 0; i < 20000; ++i) {
        std::string a = random_version(random);
        std::string b = random_version(random);
        std::string c = random_version(random);
        INFO(a << " | " << b << " | " << c);
        REQUIRE(sign(compare_versions(a, a)) == 0);
        REQUIRE(sign(compare_versions(a, b)) == -sign(compare_versions(b, a)));
        if (compare_versions(a, b) <= 0 && compare_versions(b, c) <= 0)
            REQUIRE(sign(compare_versions(a, c)) <= 0);
    }
}

TEST_CASE("generated pairs compare as dpkg compares them") {
    // Each pair is stated to dpkg as we order it, in one call; it prints what it does not agree
    // with. Two shells for all pairs.
    constexpr int pairs = 10'000;
    constexpr std::size_t shells = 2;
    std::mt19937 random(11);
    const std::string script =
        "while [ $# -gt 2 ]; do dpkg --compare-versions \"$1\" \"$2\" \"$3\" 2>/dev/null || "
        "echo \"$1 $2 $3\"; shift 3; done";
    // The first statement is wrong, to see that this is noticed.
    std::vector<std::vector<std::string>> commands(shells,
                                                   {"sh", "-c", script, "sh", "1.0", "gt", "2.0"});
    for (int i = 0; i < pairs; ++i) {
        std::string a = random_version(random);
        std::string b = random_version(random);
        int order = sign(compare_versions(a, b));
        auto& command = commands[static_cast<std::size_t>(i) % shells];
        command.insert(command.end(), {a, order < 0 ? "lt" : order > 0 ? "gt" : "eq", b});
    }
    std::vector<std::future<std::string>> outputs;
    outputs.reserve(shells);
    for (const auto& command : commands)
        outputs.push_back(std::async(
            std::launch::async, [&command] { return osiekit::run_command(command).value().out; }));
    for (auto& output : outputs) CHECK(output.get() == "1.0 gt 2.0\n");
}
