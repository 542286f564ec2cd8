#include "images/reboot/request.hpp"
#include "tests/unit/images/tools.hpp"

using namespace osiekit;
using namespace osiekit::images;

namespace {

Environment settings(Environment::Values values) {
    return Environment(std::move(values));
}

}  // namespace

TEST_CASE("a request is a file of its name") {
    TempDir dir = TempDir::create().value();
    REQUIRE(reboot::leave_request(settings({}), dir.path()));
    CHECK(std::filesystem::exists(dir / "reboot"));
    REQUIRE(reboot::leave_request(settings({{"ACTION", "poweroff"}}), dir.path()));
    CHECK(std::filesystem::exists(dir / "poweroff"));
}

TEST_CASE("a request that nobody would see is a failure") {
    TempDir dir = TempDir::create().value();
    auto no_volume = reboot::leave_request(settings({}), dir / "worker");
    REQUIRE(!no_volume);
    CHECK(no_volume.error().hint().find("volume") != std::string::npos);
    auto unknown = reboot::leave_request(settings({{"ACTION", "halt"}}), dir.path());
    REQUIRE(!unknown);
    CHECK(unknown.error().kind() == ErrorKind::invalid_input);
    CHECK(std::filesystem::is_empty(dir.path()));
}
