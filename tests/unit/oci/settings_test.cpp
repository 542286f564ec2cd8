// Credentials and the registries' settings: what people write.
#include <catch2/catch.hpp>

#include "lib/oci/credentials.hpp"
#include "lib/oci/registry_hosts.hpp"

using namespace osiekit;
using namespace osiekit::oci;

TEST_CASE("config.json: credentials for their own registry only") {
    // "dXNlcjpzZTpjcmV0" is user:se:cret.
    auto credentials = Credentials::parse_docker_config(R"({"auths":{
        "r.example:5000":{"auth":"dXNlcjpzZTpjcmV0"},
        "https://index.docker.io/v1/":{"username":"hub","password":"p"},
        "r.example:5000/team":{"identitytoken":"refresh"},
        "empty.example":{}}})")
                           .value();
    REQUIRE(credentials.find("r.example:5000", "app")->password == "se:cret");
    REQUIRE(credentials.find("R.EXAMPLE:5000", "teams/app")->user == "user");
    REQUIRE(credentials.find("r.example:5000", "team/app")->identity_token == "refresh");
    REQUIRE(credentials.find("docker.io", "library/alpine")->user == "hub");
    REQUIRE_FALSE(credentials.find("r.example", "app"));
    REQUIRE_FALSE(credentials.find("evil.r.example:5000", "app"));
    REQUIRE_FALSE(credentials.find("empty.example", "app"));
}

TEST_CASE("config.json: helpers and nonsense are refused without the secret") {
    for (const char* text : {R"({"credsStore":"desktop"})", R"({"credHelpers":{"a":"b"}})"})
        REQUIRE(Credentials::parse_docker_config(text).error().kind() == ErrorKind::unsupported);
    for (const char* text :
         {"[]", "{", R"({"auths":[]})", R"({"auths":{"a":1}})", R"({"auths":{"a":{"auth":7}}})",
          R"({"auths":{"a":{"auth":"c2VjcmV0"}}})", R"({"auths":{"a":{"auth":"!secret!"}}})",
          R"({"auths":{"a":{"username":"a\nb"}}})"}) {
        auto parsed = Credentials::parse_docker_config(text);
        INFO(text);
        REQUIRE(parsed.error().kind() == ErrorKind::invalid_input);
        REQUIRE(parsed.error().to_string().find("secret") == std::string::npos);
    }
    std::string largest = "{}";
    largest.resize(Credentials::max_config_bytes, ' ');
    REQUIRE(Credentials::parse_docker_config(largest));
    REQUIRE(Credentials::parse_docker_config(largest + " ").error().kind() == ErrorKind::limit);
}

TEST_CASE("registries: mirrors in their order, then the registry") {
    auto hosts = RegistryHosts::parse(R"({"registries":{
        "docker.io":{"mirrors":[
            {"url":"https://m.example:5000/","capabilities":["pull"],"connect_timeout_ms":1000},
            {"url":"http://n.example/base/v2"}]},
        "closed.example":{"upstream":false,"mirrors":[{"url":"https://m.example"}]},
        "*":{"verify_tls":false}}})")
                     .value();
    auto places = hosts.endpoints("docker.io", "registry-1.docker.io", false);
    REQUIRE(places.size() == 3);
    REQUIRE(places[0].base == "https://m.example:5000");
    REQUIRE_FALSE(places[0].may_resolve);
    REQUIRE(places[0].connect_timeout.count() == 1000);
    REQUIRE(places[1].base == "http://n.example/base");
    REQUIRE(places[1].plain_http);
    REQUIRE(places[2].base == "https://registry-1.docker.io");
    REQUIRE(places[2].verify_tls);
    REQUIRE(hosts.endpoints("closed.example", "closed.example", false).size() == 1);
    auto other = hosts.endpoints("o.example", "o.example", true);
    REQUIRE(other.size() == 1);
    REQUIRE(other[0].base == "http://o.example");
    REQUIRE_FALSE(other[0].verify_tls);
}

TEST_CASE("registries: what is wrong is named") {
    for (const char* text :
         {"", "[]", R"({"registry":{}})", R"({"registries":{"a":{"mirror":[]}}})",
          R"({"registries":{"a":{"mirrors":[{"url":"ftp://x"}]}}})",
          R"({"registries":{"a":{"mirrors":[{"url":"https://u:p@x"}]}}})",
          R"({"registries":{"a":{"mirrors":[{"url":"https://x","capabilities":["push"]}]}}})",
          R"({"registries":{"a":{"client_key":"k"}}})",
          R"({"registries":{"a":{"upstream":false}}})",
          R"({"registries":{"a":{"headers":{"X":"a\r\nb"}}}})",
          R"({"registries":{"a":{"connect_timeout_ms":0}}})"}) {
        INFO(text);
        REQUIRE(RegistryHosts::parse(text).error().kind() == ErrorKind::invalid_input);
    }
    REQUIRE(RegistryHosts::parse(R"({"registries":{"a":{"mirors":[]}}})")
                .error()
                .hint()
                .find("mirrors") != std::string::npos);
    for (std::size_t count : {RegistryHosts::max_mirrors, RegistryHosts::max_mirrors + 1}) {
        std::string list;
        for (std::size_t i = 0; i < count; ++i)
            list += std::string(i == 0 ? "" : ",") + R"({"url":"https://x"})";
        REQUIRE(RegistryHosts::parse(R"({"registries":{"a":{"mirrors":[)" + list + "]}}}").ok() ==
                (count == RegistryHosts::max_mirrors));
    }
}
