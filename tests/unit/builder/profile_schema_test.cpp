// docs/profile.schema.json is for editors; here it is held against what the code reads.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "builder/profile/keys.hpp"
#include "builder/profile/profile.hpp"
#include "builder/profile/readers.hpp"
#include "lib/base/child.hpp"
#include "lib/base/text.hpp"
#include "tests/unit/builder/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using nlohmann::json;
using osiekit::builder::test::spill;

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
    in_code["init.services[].limits"] = in_code["services[].limits"];
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
    json service = schema()["$defs"]["service"]["properties"];
    CHECK(service["writable"]["maxItems"] == sandbox::most_writable);
    json levels = json::array();
    for (sandbox::Level level : sandbox::all_levels) levels.push_back(sandbox::to_string(level));
    CHECK(service["sandbox"]["enum"] == levels);
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

namespace {

// What Debian's own validator says of YAML files: the names of those that the schema refuses.
std::vector<std::string> refused_by_schema(const std::vector<std::filesystem::path>& files) {
    const char* program = R"(
import json, sys, yaml, jsonschema
schema = json.load(open(sys.argv[1], encoding="utf-8"))
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
for name in sys.argv[2:]:
    with open(name, encoding="utf-8") as file:
        if not validator.is_valid(yaml.safe_load(file)):
            print(name)
)";
    std::vector<std::string> command = {"/usr/bin/python3", "-c", program,
                                        (source_folder / "docs/profile.schema.json").string()};
    for (const auto& file : files) command.push_back(file.string());
    auto result = run_command(command);
    REQUIRE(result);
    INFO(result->err);
    REQUIRE(result->exit_code == 0);
    std::vector<std::string> names;
    for (std::string_view line : split(result->out, '\n'))
        if (!line.empty()) names.emplace_back(line);
    return names;
}

const std::string head = "name: x\nkernel: {package: k}\n";

}  // namespace

TEST_CASE("the schema takes the shipped profiles and every key in use") {
    std::vector<std::filesystem::path> files;
    for (const auto& file : std::filesystem::directory_iterator(source_folder / "profiles"))
        if (file.path().extension() == ".yaml") files.push_back(file.path());
    CHECK(files.size() >= 5);
    TempDir folder = *TempDir::create();
    spill(folder / "full.yaml",
          head +
              "extends: base.yaml\narch: amd64\nvariables: {a: b, c: }\nremove: {files: [/a]}\n"
              "packages: {debian: [a], alpine: [b], exclude: [c], no-deps: [d]}\n"
              "alpine: {mirror: m, branch: v3.20, repositories: [main], keys: k}\n"
              "modules: {load: [a], include: [b]}\nfirmware: [a/*]\nlibraries: {optional: [/a]}\n"
              "files: [{path: /a, source: b, libraries: host, mode: 0644, owner: 0:0}]\n"
              "trees: [{source: a, path: /b, owner: 0:0}]\n"
              "images: [r.example/a:1, {name: r.example/b:1, source: c}]\ndirectories: [/a, {path: "
              "/b}]\n"
              "symlinks: [{path: /a, target: b}]\nusers: [{name: a, uid: 0, gid: 0}]\n"
              "sysctl: {kernel.panic: 10}\nservices: [{name: a, command: [/a]},\n"
              "  {name: b, command: [/b], sandbox: restricted, network: none, user: a,\n"
              "   limits: {memory: 1MiB, processes: 2, cpus: 0.5, io_per_second: 1},\n"
              "   writable: [/run/b]}]\n"
              "agent: {server: 'a:1', registry: r, insecure-registries: [r], policy: strict,\n"
              "  registries: [r]}\ninit: {hostname: a, ntp: [b]}\nprograms: {a: /b}\n"
              "compression: {method: zstd, level: 3}\noutputs: {ipxe: a, spdx: '${a}.spdx.json',\n"
              "  provenance: 'a-${a}'}\n");
    files.push_back(folder / "full.yaml");
    CHECK(refused_by_schema(files).empty());
}

TEST_CASE("what the schema refuses the code refuses too") {
    const std::string confined = "services: [{name: a, command: [/a], sandbox: disk, ";
    const std::vector<std::string> wrong = {"pakages: [a]\n",
                                            "packages: 5\n",
                                            "arch: mips\n",
                                            "files: [{content: x}]\n",
                                            "files: [{path: /a, content: x, libraries: guest}]\n",
                                            "directories: [{mode: 0755}]\n",
                                            "symlinks: [{path: /a}]\n",
                                            "users: [{name: a}]\n",
                                            "services: [{name: a}]\n",
                                            "services: [{name: a, command: [/a], sandbox: no}]\n",
                                            "services: [{name: a, command: [/a], user: '0:0'}]\n",
                                            confined + "limits: {memory: 0}}]\n",
                                            confined + "network: bridge}]\n",
                                            confined + "writable: [a]}]\n",
                                            "agent: {password: x}\n",
                                            "agent: {registries: []}\n",
                                            "compression: {method: lzo}\n",
                                            "compression: {window: 40}\n",
                                            "firmware: some\n",
                                            "firmware: {a: b}\n",
                                            "outputs: {kernel: a/b}\n",
                                            "outputs: {spdx: '.spdx.json'}\n",
                                            "outputs: {image: a}\n",
                                            "libraries: [a]\n",
                                            "remove: {init: [a]}\n",
                                            "variables: {a: [b]}\n",
                                            "modules: [a]\n",
                                            "trees: [{path: /a}]\n",
                                            "images: [{source: a}]\n",
                                            "init: {host: a}\n"};
    TempDir folder = *TempDir::create();
    std::vector<std::filesystem::path> files;
    for (std::size_t i = 0; i < wrong.size(); ++i) {
        INFO(wrong[i]);
        CHECK_FALSE(parse_profile(head + wrong[i], "p.yaml", "/"));
        files.push_back(folder / (std::to_string(i) + ".yaml"));
        spill(files.back(), head + wrong[i]);
    }
    std::vector<std::string> refused = refused_by_schema(files);
    for (std::size_t i = 0; i < wrong.size(); ++i) {
        INFO(wrong[i]);
        CHECK(std::find(refused.begin(), refused.end(), files[i].string()) != refused.end());
    }
}
