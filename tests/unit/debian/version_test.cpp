#include "builder/debian/version.hpp"

#include <catch2/catch.hpp>
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
    // One shell for all pairs: a process each would take longer than all other tests together.
    constexpr int pairs = 2000;
    std::mt19937 random(11);
    std::vector<std::pair<std::string, std::string>> cases;
    std::vector<std::string> command = {
        "sh", "-c",
        "while [ $# -gt 1 ]; do "
        "if dpkg --compare-versions \"$1\" lt \"$2\"; then echo -1; "
        "elif dpkg --compare-versions \"$1\" eq \"$2\"; then echo 0; else echo 1; fi; "
        "shift 2; done",
        "sh"};
    for (int i = 0; i < pairs; ++i) {
        cases.emplace_back(random_version(random), random_version(random));
        command.push_back(cases.back().first);
        command.push_back(cases.back().second);
    }
    auto output = osiekit::run_command(command).value();
    std::size_t at = 0;
    for (const auto& [a, b] : cases) {
        std::size_t end = output.out.find('\n', at);
        REQUIRE(end != std::string::npos);
        INFO(a << " and " << b);
        CHECK(sign(compare_versions(a, b)) == std::stoi(output.out.substr(at, end - at)));
        at = end + 1;
    }
}
