#include "agent/registries.hpp"

#include <catch2/catch.hpp>

#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"

using namespace osiekit;
using namespace osiekit::agent;

TEST_CASE("the settings' files about registries are read") {
    TempDir directory = TempDir::create("registries").value();
    Settings settings;
    settings.registry = "one.example";
    settings.registry_user = "user";
    settings.registry_password = "secret";
    settings.insecure_registries = {"plain.example:5000"};
    settings.registry_config = directory / "config.json";
    settings.registry_hosts = directory / "hosts.json";
    settings.registry_ca = directory / "ca.pem";
    REQUIRE(write_file(directory / "config.json",
                       R"({"auths":{"two.example":{"username":"a","password":"b"}}})"));
    REQUIRE(
        write_file(directory / "hosts.json",
                   R"({"registries":{"two.example":{"mirrors":[{"url":"http://m.example"}]}}})"));
    REQUIRE(write_file(directory / "ca.pem", "-----BEGIN CERTIFICATE-----\n"));
    auto options = registry_options(settings).value();
    REQUIRE(options.credentials_host == "one.example");
    REQUIRE(options.user == "user");
    REQUIRE(options.insecure == settings.insecure_registries);
    REQUIRE(options.credentials.find("two.example", "any")->user == "a");
    REQUIRE_FALSE(options.credentials.find("one.example", "any"));
    auto endpoints = options.hosts.endpoints("two.example", "two.example", false);
    REQUIRE(endpoints.size() == 2);
    REQUIRE(endpoints.front().host == "m.example");
    REQUIRE(options.ca_file == settings.registry_ca);
}

TEST_CASE("files that are missing or wrong are named; nothing is there unless it is asked for") {
    TempDir directory = TempDir::create("registries").value();
    REQUIRE(write_file(directory / "bad", "nonsense"));
    for (std::string Settings::*file :
         {&Settings::registry_config, &Settings::registry_hosts, &Settings::registry_ca}) {
        Settings settings;
        settings.*file = directory / "missing";
        auto missing = registry_options(settings);
        REQUIRE(missing.error().kind() == ErrorKind::not_found);
        REQUIRE(missing.error().to_string().find("missing") != std::string::npos);
        settings.*file = directory / "bad";
        auto bad = registry_options(settings);
        REQUIRE(bad.error().kind() == ErrorKind::invalid_input);
        REQUIRE(bad.error().to_string().find((directory / "bad").string()) != std::string::npos);
    }
    Settings settings;
    settings.images = directory / "missing";
    REQUIRE(embedded_images(settings).error().kind() == ErrorKind::not_found);
}
