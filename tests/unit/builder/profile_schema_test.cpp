// docs/profile.schema.json is for editors; here it is held against what the code reads.
#include <nlohmann/json.hpp>
#include <set>

#include "builder/profile/keys.hpp"
#include "builder/profile/profile.hpp"
#include "builder/profile/readers.hpp"
#include "tests/unit/builder/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using nlohmann::json;

namespace {

const std::filesystem::path source_folder = OSIEKIT_SOURCE_DIR;

json schema() {
    auto text = read_file(source_folder / "docs/profile.schema.json");
    REQUIRE(text);
    return json::parse(*text);
}

// What a reference leads to: "#/$defs/name".
const json& resolved(const json& root, const json& value) {
    if (!value.contains("$ref")) return value;
    auto reference = value["$ref"].get<std::string>();
    REQUIRE(reference.starts_with("#/"));
    return root.at(json::json_pointer(reference.substr(1)));
}

// The keys of all mappings that the schema describes, by place. "anyOf" and "oneOf" hold the
// spellings of one value.
void collect(const json& root, const json& value, const std::string& place,
             std::map<std::string, std::set<std::string>>& places) {
    const json& node = resolved(root, value);
    for (const char* choice : {"anyOf", "oneOf"})
        if (node.contains(choice))
            for (const json& one : node[choice]) collect(root, one, place, places);
    if (node.contains("items")) collect(root, node["items"], place + "[]", places);
    if (!node.contains("properties")) return;
    INFO(place);
    REQUIRE(node.contains("additionalProperties"));
    CHECK(node["additionalProperties"] == false);
    for (const auto& [key, below] : node["properties"].items()) {
        places[place].insert(key);
        CHECK(below.contains("description"));
        collect(root, below, place.empty() ? key : place + "." + key, places);
    }
}

}  // namespace

TEST_CASE("the schema has the keys that the code reads, and no others") {
    json root = schema();
    CHECK(root["$schema"] == "https://json-schema.org/draft/2020-12/schema");
    std::map<std::string, std::set<std::string>> in_schema;
    collect(root, root, "", in_schema);
    std::map<std::string, std::set<std::string>> in_code;
    for (const auto& [place, keys] : profile_keys()) {
        std::string at = place;
        in_code[at].insert(keys.begin(), keys.end());
    }
    // The older spelling of "services".
    in_code["init.services[]"] = in_code["services[]"];
    CHECK(in_schema == in_code);
}

TEST_CASE("the schema has the limits of the code") {
    json properties = schema()["properties"];
    CHECK(properties["name"]["maxLength"] == longest_name);
    CHECK(properties["sysctl"]["maxProperties"] == most_sysctl);
    CHECK(properties["variables"]["maxProperties"] == most_variables);
    CHECK(properties["compression"]["properties"]["level"]["maximum"] == highest_level);
    CHECK(properties["compression"]["properties"]["window"]["minimum"] == smallest_window_log);
    CHECK(properties["compression"]["properties"]["window"]["maximum"] == largest_window_log);
    CHECK(schema()["$defs"]["user"]["properties"]["name"]["maxLength"] == longest_user_name);
}

TEST_CASE("the code takes every choice that the schema offers") {
    json root = schema();
    const std::string head = "name: x\nkernel: {package: k}\n";
    for (const json& arch : root["properties"]["arch"]["enum"])
        CHECK(parse_profile(head + "arch: " + arch.get<std::string>() + "\n", "p.yaml", "/"));
    const json& methods = root["properties"]["compression"]["properties"]["method"]["enum"];
    CHECK(methods.size() == written_methods.size());
    for (const json& method : methods)
        CHECK(parse_profile(head + "compression: {method: " + method.get<std::string>() + "}\n",
                            "p.yaml", "/"));
    for (const json& repository : root["properties"]["kernel"]["properties"]["repository"]["enum"])
        CHECK(parse_profile(
            "name: x\nkernel: {package: k, repository: " + repository.get<std::string>() + "}\n",
            "p.yaml", "/"));
}

TEST_CASE("every key is described in the documentation") {
    auto text = read_file(source_folder / "docs/profile.md");
    REQUIRE(text);
    for (const auto& [place, keys] : profile_keys())
        for (const std::string& key : keys) {
            INFO(place << " " << key);
            bool named = text->find("`" + key + "`") != std::string::npos ||
                         text->find(" " + key + ":") != std::string::npos ||
                         text->find("{" + key + ":") != std::string::npos;
            CHECK(named);
        }
}

TEST_CASE("the shipped profiles are read") {
    for (const auto& file : std::filesystem::directory_iterator(source_folder / "profiles")) {
        if (file.path().extension() != ".yaml") continue;
        INFO(file.path());
        ProfileOptions options;
        // No mirror is named in the tree: whoever builds this one says it.
        if (file.path().stem() == "alpine")
            options.set = {"mirror=http://mirror.example/alpine", "keys=keys"};
        auto profile = load_profile(file.path(), options);
        if (!profile) FAIL(profile.error().to_string());
        CHECK(profile->name == file.path().stem());
    }
}
