#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"

using namespace osiekit;
namespace fs = std::filesystem;

namespace {
std::size_t entries(const fs::path& folder) {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}
}  // namespace

TEST_CASE("a temporary directory goes away with its content, once") {
    fs::path where;
    {
        auto first = TempDir::create("base-test").value();
        where = first.path();
        REQUIRE(fs::is_directory(where));
        REQUIRE(write_file(first / "x", "y"));
        TempDir second = std::move(first);
        REQUIRE(fs::exists(second / "x"));
    }
    REQUIRE_FALSE(fs::exists(where));
}

TEST_CASE("a file is replaced whole or not at all") {
    auto folder = TempDir::create().value();
    fs::path path = folder / "f";
    REQUIRE(write_file(path, "old", 0600));
    {
        auto pending = PendingFile::create(path).value();
        REQUIRE(write_all(pending.fd(), "half"));
    }
    REQUIRE(read_file(path).value() == "old");
    REQUIRE(entries(folder.path()) == 1);
    REQUIRE(write_file(path, "new", 0640));
    REQUIRE(read_file(path).value() == "new");
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    REQUIRE((status.st_mode & 07777) == 0640);
}

TEST_CASE("reading stops at the limit") {
    auto folder = TempDir::create().value();
    REQUIRE(write_file(folder / "f", "12345"));
    REQUIRE(read_file(folder / "f", 5).value() == "12345");
    auto failed = read_file(folder / "f", 4);
    REQUIRE(failed.error().kind() == ErrorKind::limit);
    REQUIRE(failed.error().to_string().find((folder / "f").string()) != std::string::npos);
}

TEST_CASE("a missing folder is named") {
    auto failed = write_file("/nonexistent/folder/file", "x");
    REQUIRE(failed.error().kind() == ErrorKind::not_found);
    REQUIRE(failed.error().to_string().find("/nonexistent/folder/file") != std::string::npos);
}
