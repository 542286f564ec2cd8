#include "builder/debian/apt_sources.hpp"

#include <catch2/catch.hpp>
#include <filesystem>

#include "builder/cache/url.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"

using namespace osiekit;
using namespace osiekit::builder;

TEST_CASE("deb822 sources: several suites, comments, disabled and source stanzas") {
    auto sources =
        parse_deb822_sources(
            "# the mirror\nTypes: deb deb-src\n# within\nURIs: http://mirror.example/debian/\n"
            "Suites: bookworm bookworm-updates\nComponents: main contrib\n"
            "Architectures: amd64 arm64\nSigned-By: /usr/share/keyrings/a.gpg /etc/b.asc\n"
            "Check-Valid-Until: no\nLanguages: none\n\n"
            "Types: deb-src\nURIs: http://mirror.example/debian\nSuites: x\nComponents: main\n\n"
            "Enabled: no\nTypes: deb\nURIs: http://mirror.example/debian\nSuites: x\n\n"
            "types: deb\nuris: https://other.example\nsuites: ./\nTrusted: yes\n",
            "a.sources")
            .value();
    REQUIRE(sources.size() == 3);
    CHECK(sources[0].uri == "http://mirror.example/debian");
    CHECK(sources[0].suite == "bookworm");
    CHECK(sources[1].suite == "bookworm-updates");
    CHECK(sources[0].components == std::vector<std::string>{"main", "contrib"});
    CHECK(sources[0].architectures == std::vector<std::string>{"amd64", "arm64"});
    CHECK(sources[0].keyrings ==
          std::vector<std::string>{"/usr/share/keyrings/a.gpg", "/etc/b.asc"});
    CHECK(sources[0].check_valid_until == false);
    CHECK_FALSE(sources[0].check_date.has_value());
    CHECK(sources[0].origin == "a.sources:2");
    CHECK(sources[2].suite == "./");
    CHECK(sources[2].trusted);
}

TEST_CASE("an embedded key block and fingerprints") {
    auto sources =
        parse_deb822_sources(
            "Types: deb\nURIs: http://mirror.example\nSuites: s\nComponents: c\nSigned-By:\n"
            " -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mDME\n -----END PGP PUBLIC KEY "
            "BLOCK-----\n\n"
            "Types: deb\nURIs: http://mirror.example\nSuites: s\nComponents: c\n"
            "Signed-By: 4a67cc377d6dd59bc8f996a38767599f22f1e5c1!\n",
            "x")
            .value();
    REQUIRE(sources.size() == 2);
    CHECK(sources[0].key_block.find("-----\n\nmDME\n-----END") != std::string::npos);
    CHECK(sources[1].fingerprints ==
          std::vector<std::string>{"4A67CC377D6DD59BC8F996A38767599F22F1E5C1"});
}

TEST_CASE("one-line sources") {
    auto sources = parse_one_line_sources(
                       "# comment\n\ndeb http://mirror.example/debian bookworm main contrib # why\n"
                       "deb-src http://mirror.example/debian bookworm main\n"
                       "deb [ arch=amd64,arm64 signed-by=/etc/k.gpg trusted=no ] "
                       "https://mirror.example/x/ s main\n"
                       "deb cdrom:[Debian GNU/Linux 12]/ bookworm main\n",
                       "a.list")
                       .value();
    REQUIRE(sources.size() == 3);
    CHECK(sources[0].origin == "a.list:3");
    CHECK(sources[0].components == std::vector<std::string>{"main", "contrib"});
    CHECK(sources[1].architectures == std::vector<std::string>{"amd64", "arm64"});
    CHECK(sources[1].keyrings == std::vector<std::string>{"/etc/k.gpg"});
    CHECK(sources[1].uri == "https://mirror.example/x");
    CHECK(sources[2].uri == "cdrom:");
}

TEST_CASE("how long a release is valid may be stated for a source") {
    auto sources = parse_deb822_sources(
        "Types: deb\nURIs: http://m.example/\nSuites: s\nComponents: main\n"
        "Valid-Until-Max: 60\nValid-Until-Min: 0\n",
        "m.sources");
    REQUIRE(sources);
    CHECK(sources->at(0).longest_valid == 60);
    CHECK(sources->at(0).shortest_valid == 0);
    auto line = parse_one_line_sources("deb [valid-until-max=60] http://m.example s main\n", "l");
    REQUIRE(line);
    CHECK(line->at(0).longest_valid == 60);
    CHECK_FALSE(parse_one_line_sources("deb [valid-until-max=-1] http://m.example s main\n", "l"));
    CHECK_FALSE(
        parse_one_line_sources("deb [valid-until-max=99999999999] http://m.example s main\n", "l"));
}

TEST_CASE("broken sources are errors with file and line") {
    for (const char* text :
         {"\ndebx http://mirror.example s main\n", "\ndeb http://mirror.example\n",
          "\ndeb [arch=amd64 http://mirror.example s main\n", "\ndeb http://mirror.example s\n",
          "\ndeb [signed-by=relative.gpg] http://mirror.example s main\n"}) {
        auto failed = parse_one_line_sources(text, "x.list");
        REQUIRE(failed.error().kind() == ErrorKind::invalid_input);
        CHECK(failed.error().to_string().find("x.list:2") != std::string::npos);
    }
    for (const char* text :
         {"\nTypes: deb\nSuites: s\nComponents: c\n", "\nTypes: deb\nURIs: http://mirror.example\n",
          "\nTypes: deb\nURIs: http://mirror.example\nSuites: s\n",
          "\nURIs: http://mirror.example\n",
          "\nTypes: deb\nURIs: http://m.example\nSuites: s\nComponents: c\nTrusted: perhaps\n"}) {
        auto failed = parse_deb822_sources(text, "x.sources");
        REQUIRE(failed.error().kind() == ErrorKind::invalid_input);
        CHECK(failed.error().to_string().find("x.sources:2") != std::string::npos);
    }
}

TEST_CASE("the host's files are read in order; other kinds of sources are skipped with a word") {
    TempDir root = TempDir::create().value();
    std::filesystem::create_directories(root / "etc/apt/sources.list.d");
    REQUIRE(write_file(root / "etc/apt/sources.list",
                       "deb http://mirror.example/one bookworm main\n"
                       "deb mirror+file:/etc/mirrors bookworm main\n"));
    REQUIRE(write_file(root / "etc/apt/sources.list.d/b.list",
                       "deb [signed-by=/etc/k.gpg] http://mirror.example/three bookworm main\n"));
    REQUIRE(write_file(root / "etc/apt/sources.list.d/a.sources",
                       "Types: deb\nURIs: http://mirror.example/two\nSuites: bookworm\n"
                       "Components: main\n"));
    REQUIRE(write_file(root / "etc/apt/sources.list.d/c.list.disabled", "nonsense\n"));
    REQUIRE(write_file(root / "etc/os-release", "ID=debian\nVERSION_CODENAME=\"bookworm\"\n"));
    AptConfiguration host = read_apt_configuration(root.path()).value();
    REQUIRE(host.sources.size() == 3);
    CHECK(host.sources[0].uri == "http://mirror.example/one");
    CHECK(host.sources[1].uri == "http://mirror.example/two");
    CHECK(host.sources[2].keyrings[0] == (root / "etc/k.gpg").string());
    REQUIRE(host.warnings.size() == 1);
    CHECK(host.warnings[0].find("sources.list:2") != std::string::npos);
    CHECK(host_codename(root.path()).value() == "bookworm");
}

TEST_CASE("suites of a release") {
    for (const char* suite :
         {"bookworm", "bookworm-updates", "bookworm-security", "bookworm/updates"})
        CHECK(suite_of_release(suite, "bookworm"));
    for (const char* suite : {"trixie", "bookwormish", "nodistro", "bookwor", "./"})
        CHECK_FALSE(suite_of_release(suite, "bookworm"));
}

TEST_CASE("apt's settings and the proxy of a URL") {
    AptSettings settings = parse_apt_settings(
        "Acquire \"\";\nAcquire::Check-Valid-Until \"false\";\nAcquire::http::Proxy \"\";\n"
        "Acquire::http::Proxy \"http://proxy.example:3142\";\n"
        "Acquire::http::Proxy::direct.example \"DIRECT\";\nAcquire::https::CAInfo "
        "\"/etc/ca.pem\";\nAcquire::Max-ValidTime \"864000\";\n"
        "Acquire::Max-ValidTime::Debian-Security \"3600\";\nAcquire::Min-ValidTime \"60\";\n"
        "Acquire::Max-ValidTimes \"7\";\nAcquire::http::Timeout \"7\";\n");
    CHECK(settings.longest_valid == std::map<std::string, std::int64_t, std::less<>>{
                                        {"", 864000}, {"debian-security", 3600}});
    CHECK(settings.shortest_valid == std::map<std::string, std::int64_t, std::less<>>{{"", 60}});
    CHECK(settings.timeout == std::chrono::seconds(7));
    CHECK(parse_apt_settings("Acquire::http::Timeout \"0\";\n").timeout ==
          std::chrono::seconds(30));
    CHECK_FALSE(settings.check_valid_until);
    CHECK(settings.check_date);
    CHECK(settings.ca_file == "/etc/ca.pem");
    CHECK(settings.proxy_for("http://mirror.example/x") == "http://proxy.example:3142");
    CHECK(settings.proxy_for("https://mirror.example/x") == "http://proxy.example:3142");
    CHECK(settings.proxy_for("http://user:x@DIRECT.example:80/x") == "DIRECT");
    CHECK(AptSettings().proxy_for("http://mirror.example").empty());
}

TEST_CASE("credentials come off a URL") {
    PlainUrl plain = split_credentials("https://us%40er:p%3Aw@mirror.example:8080/a@b?c");
    CHECK(plain.url == "https://mirror.example:8080/a@b?c");
    CHECK(plain.user == "us@er");
    CHECK(plain.password == "p:w");
    CHECK(without_credentials("http://mirror.example/a@b") == "http://mirror.example/a@b");
    CHECK(url_host("http://u@[::1]:80/") == "[::1]");
    CHECK(url_host("http://Mirror.example") == "mirror.example");
}
