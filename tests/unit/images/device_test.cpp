#include "images/common/device.hpp"

#include <catch2/catch.hpp>
#include <thread>

#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"

using namespace osiekit;
using namespace osiekit::images;

TEST_CASE("a disk that is there needs no waiting") {
    auto dir = TempDir::create().value();
    REQUIRE(write_file(dir / "vda", ""));
    REQUIRE(wait_for_device(dir / "vda", std::chrono::milliseconds(0)));
}

TEST_CASE("a disk that appears late is waited for") {
    auto dir = TempDir::create().value();
    std::thread driver([&] { (void)write_file(dir / "vda", "").ok(); });
    bool appeared = wait_for_device(dir / "vda");
    driver.join();
    REQUIRE(appeared);
}

TEST_CASE("a disk that never appears is given up, and so is a folder that does not exist") {
    auto dir = TempDir::create().value();
    REQUIRE_FALSE(wait_for_device(dir / "vda", std::chrono::milliseconds(1)));
    REQUIRE_FALSE(wait_for_device(dir / "none" / "vda", std::chrono::milliseconds(1)));
}
