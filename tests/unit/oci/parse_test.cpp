#include <catch2/catch.hpp>

#include "lib/oci/challenge.hpp"
#include "lib/oci/manifest.hpp"
#include "lib/oci/reference.hpp"

using namespace osiekit;
using namespace osiekit::oci;

namespace {
const std::string hex64(64, 'a');
const std::string digest = "sha256:" + hex64;

std::string manifest_json(int layers) {
    std::string list;
    for (int i = 0; i < layers; ++i)
        list += std::string(i > 0 ? "," : "") +
                R"({"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":")" + digest +
                R"(","size":1})";
    return R"({"schemaVersion":2,"config":{"digest":")" + digest + R"(","size":2},"layers":[)" +
           list + "]}";
}
}  // namespace

TEST_CASE("image names follow Docker's rules") {
    auto full = [](const char* text) { return Reference::parse(text).value().to_string(); };
    REQUIRE(full("alpine") == "docker.io/library/alpine:latest");
    REQUIRE(full("some/thing:1") == "docker.io/some/thing:1");
    REQUIRE(full("localhost/x") == "localhost/x:latest");
    REQUIRE(full("host:5000/a/b__c-d.e:V1") == "host:5000/a/b__c-d.e:V1");
    REQUIRE(full("[fd00::1]:5000/x") == "[fd00::1]:5000/x:latest");
    auto pinned = Reference::parse("r.example/x:1@" + digest).value();
    REQUIRE(pinned.manifest_name() == digest);
    REQUIRE(pinned.tag == "1");
    REQUIRE(Reference::parse("alpine").value().api_host() == "registry-1.docker.io");
}

TEST_CASE("names that are not are refused") {
    for (const char* text :
         {"", "UPPER", "a//b", "a/", "/a", "a b", "x:", "x@sha256:12", "x@", "host:99999/x",
          "host:/x", "a..b/x/-", "x/../y", "a___b", "-a", "[::1/x", "x:tag:tag", "r.example/x@y"})
        REQUIRE_FALSE(Reference::parse(text));
    REQUIRE(Reference::parse("x@blake3:" + hex64).error().kind() == ErrorKind::unsupported);
}

TEST_CASE("a tag and a name at their limits, and one beyond") {
    REQUIRE(Reference::parse("x:" + std::string(Reference::max_tag_length, 't')));
    REQUIRE_FALSE(Reference::parse("x:" + std::string(Reference::max_tag_length + 1, 't')));
    std::string name = "r.example/";
    REQUIRE(Reference::parse(name + std::string(Reference::max_name_length - name.size(), 'x')));
    REQUIRE_FALSE(
        Reference::parse(name + std::string(Reference::max_name_length + 1 - name.size(), 'x')));
}

TEST_CASE("challenges: several, quoted, with commas") {
    auto found =
        parse_challenges(R"(Basic realm="a", Bearer realm="https://t.example/token",service="x y",)"
                         R"(scope="repository:a/b:pull,push", error=invalid_token)");
    REQUIRE(found.size() == 2);
    REQUIRE(found[0].scheme == "basic");
    REQUIRE(found[1].parameters["scope"] == "repository:a/b:pull,push");
    REQUIRE(found[1].parameters["error"] == "invalid_token");
    REQUIRE(parse_challenges(R"(BEARER Realm="a\"b")")[0].parameters["realm"] == "a\"b");
    REQUIRE(parse_challenges("").empty());
    REQUIRE(parse_challenges("=,\"").empty());
}

TEST_CASE("manifests and indexes are told apart") {
    auto document = parse_document(manifest_json(2), media_type_manifest).value();
    REQUIRE(std::get<Manifest>(document).layers.size() == 2);
    REQUIRE(parse_document(manifest_json(1), "application/json"));
    auto index = parse_document(R"({"schemaVersion":2,"manifests":[{"digest":")" + digest +
                                    R"(","size":1},{"digest":"md5:x"},7]})",
                                media_type_index)
                     .value();
    REQUIRE(std::get<Index>(index).manifests.size() == 1);
}

TEST_CASE("CVE-2021-41190: ambiguous, foreign and broken documents are refused") {
    REQUIRE_FALSE(parse_document("[]", ""));
    REQUIRE_FALSE(parse_document("{", ""));
    REQUIRE_FALSE(parse_document(R"({"manifests":[],"layers":[]})", ""));
    REQUIRE_FALSE(parse_document(R"({"mediaType":"application/vnd.oci.image.index.v1+json"})",
                                 media_type_manifest));
    REQUIRE(parse_document(R"({"schemaVersion":1})", "").error().kind() == ErrorKind::unsupported);
    REQUIRE_FALSE(
        parse_document(R"({"config":{"digest":")" + digest + R"(","size":-1},"layers":[]})", ""));
}

TEST_CASE("layers at the limit, and one beyond") {
    REQUIRE(parse_document(manifest_json(max_layers), ""));
    REQUIRE(parse_document(manifest_json(max_layers + 1), "").error().kind() == ErrorKind::limit);
}

TEST_CASE("a document at the size limit, and one byte beyond") {
    std::string json = manifest_json(1);
    json.resize(max_document_bytes, ' ');
    REQUIRE(parse_document(json, ""));
    REQUIRE(parse_document(json + " ", "").error().kind() == ErrorKind::limit);
}

TEST_CASE("the configuration: null fields are empty") {
    auto config =
        parse_config(
            R"({"os":"linux","architecture":"arm64","config":{"Entrypoint":null,)"
            R"("Cmd":["a"],"Env":["X=1"],"User":"u","Unknown":{}},"rootfs":{"diff_ids":[")" +
            digest + R"("]}})")
            .value();
    REQUIRE(config.entrypoint.empty());
    REQUIRE(config.cmd == std::vector<std::string>{"a"});
    REQUIRE(config.diff_ids.size() == 1);
    REQUIRE_FALSE(parse_config("{}"));
    REQUIRE_FALSE(parse_config(R"({"config":{"Cmd":[1]},"rootfs":{}})"));
    REQUIRE_FALSE(parse_config(R"({"config":{"Cmd":["a\u0000b"]},"rootfs":{}})"));
}

TEST_CASE("the platform is chosen, and what is offered instead is named") {
    Descriptor arm;
    arm.platform = Platform{"linux", "arm64", "v8"};
    Descriptor attestation;
    attestation.platform = Platform{"unknown", "unknown", ""};
    Index index{{attestation, arm}};
    REQUIRE(choose_platform(index, {"linux", "arm64", ""}));
    auto failed = choose_platform(index, {"linux", "amd64", ""});
    REQUIRE(failed.error().kind() == ErrorKind::unsupported);
    REQUIRE(failed.error().to_string().find("linux/arm64/v8") != std::string::npos);
    REQUIRE(failed.error().to_string().find("unknown") == std::string::npos);
    Descriptor v3;
    v3.platform = Platform{"linux", "amd64", "v3"};
    REQUIRE_FALSE(choose_platform(Index{{v3}}, {"linux", "amd64", ""}));
}
