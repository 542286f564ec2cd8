#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "builder/debian/repository.hpp"
#include "lib/base/temp_dir.hpp"
#include "tests/unit/debian/test_packages.hpp"

namespace osiekit::builder::test {

// Making a key takes a while: one of each for all tests of this program.
const Signer& archive_key();
const Signer& stranger_key();

// A mirror, and a host whose apt is configured for it.
struct RepositorySetting {
    TestServer server;
    TestRepository mirror{server, archive_key()};
    TempDir root = TempDir::create().value();
    std::int64_t now;  // what the clock says, seconds since 1970
    DebianRepository::Options options;

    RepositorySetting();
    // More fields for the host's source of packages.
    void configure(const std::string& more);
    Result<std::vector<LocatedPackage>> obtain(const std::vector<std::string>& names,
                                               Dependencies dependencies = Dependencies::none());
    Error failure(const std::vector<std::string>& names,
                  Dependencies dependencies = Dependencies::none());
    // "name version;" of each.
    std::string names(const std::vector<std::string>& wanted, Dependencies dependencies);
};

bool contains(const Error& error, std::string_view text);

constexpr std::int64_t minute = 60;
constexpr std::int64_t day = 24 * 60 * minute;

}  // namespace osiekit::builder::test
