// A policy that the builder writes into an image is one that the agent reads: an agent that cannot
// read its policy runs nothing.
#include <catch2/catch.hpp>

#include "agent/policy.hpp"
#include "builder/image/compose.hpp"

using namespace osiekit;

namespace {

agent::Policy policy_of(const std::string& settings) {
    auto profile = builder::parse_profile(
        "name: x\nkernel: {package: k}\nagent: " + settings + "\n", "p.yaml", "/profiles");
    if (!profile) FAIL(profile.error().to_string());
    auto text = builder::policy_file(profile->agent, builder::LocalFiles());
    REQUIRE(text);
    auto policy = agent::parse_policy(*text);
    if (!policy) FAIL(policy.error().to_string());
    return *policy;
}

}  // namespace

TEST_CASE("the agent reads the policy that a profile states") {
    agent::Policy strict = policy_of("{policy: strict}");
    CHECK(strict.rules == agent::Policy::strict().rules);
    CHECK(strict.registries.empty());
    agent::Policy narrowed = policy_of("{registries: [\"r.example:5000\", \"*.example\"]}");
    CHECK(narrowed.rules == agent::Policy::compatible().rules);
    CHECK(narrowed.registries == std::vector<std::string>{"r.example:5000", "*.example"});
    agent::Policy both = policy_of("{policy: strict, registries: [a]}");
    CHECK(both.rules == agent::Policy::strict().rules);
    CHECK(both.registries == std::vector<std::string>{"a"});
}
