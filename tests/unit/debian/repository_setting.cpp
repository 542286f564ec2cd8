#include "tests/unit/debian/repository_setting.hpp"
#include "tests/unit/packages/obtain.hpp"

#include <catch2/catch.hpp>

#include "builder/debian/release.hpp"
#include "lib/base/file.hpp"

namespace osiekit::builder::test {

namespace fs = std::filesystem;

const Signer& archive_key() {
    static const Signer signer("archive");
    return signer;
}
const Signer& stranger_key() {
    static const Signer signer("stranger");
    return signer;
}

RepositorySetting::RepositorySetting() : now(*parse_release_date("Sat, 14 Nov 2026 12:00:00 UTC")) {
    fs::create_directories(root / "etc/apt/sources.list.d");
    fs::create_directories(root / "etc/apt/keyrings");
    REQUIRE(write_file(root / "etc/os-release", "VERSION_CODENAME=bookworm\n"));
    REQUIRE(write_file(root / "etc/apt/keyrings/a.gpg", archive_key().public_key()));
    configure("Signed-By: /etc/apt/keyrings/a.gpg\n");
    options.root = root.path();
    options.cache = root / "cache";
    options.retry.first_pause_ms = 1;
    options.now = [this] { return now; };
    mirror.add({"kernel", "6.1-1", "kernel-core (= 6.1-1), tool"});
    mirror.add({"kernel-core", "6.1-1"});
    mirror.add({"tool", "2.0"});
    mirror.publish();
}

void RepositorySetting::configure(const std::string& more) {
    REQUIRE(write_file(root / "etc/apt/sources.list.d/m.sources",
                       "Types: deb\nURIs: " + server.url("/debian") +
                           "\nSuites: bookworm\nComponents: main\n" + more));
}

Result<std::vector<LocatedPackage>> RepositorySetting::obtain(const std::vector<std::string>& names,
                                                              Dependencies dependencies) {
    OSIEKIT_ASSIGN(auto repository, DebianRepository::open(options));
    return test::obtain(*repository, query_of(PackageSystem::debian, names, dependencies));
}

Error RepositorySetting::failure(const std::vector<std::string>& names, Dependencies dependencies) {
    auto located = obtain(names, dependencies);
    REQUIRE_FALSE(located);
    return std::move(located).error();
}

std::string RepositorySetting::names(const std::vector<std::string>& wanted,
                                     Dependencies dependencies) {
    auto located = obtain(wanted, dependencies).value();
    std::string text;
    for (const auto& package : located) text += package.name + " " + package.version + ";";
    return text;
}

bool contains(const Error& error, std::string_view text) {
    return error.to_string().find(text) != std::string::npos;
}

}  // namespace osiekit::builder::test
