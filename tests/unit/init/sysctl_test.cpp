#include "init/system/sysctl.hpp"

#include <catch2/catch.hpp>

#include "init/settings.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"

using namespace osiekit;
using namespace osiekit::init;

TEST_CASE("kernel settings are written where the kernel has them") {
    auto folder = TempDir::create();
    REQUIRE(folder);
    std::filesystem::path root = folder->path();
    std::filesystem::create_directories(root / "net/ipv4");
    REQUIRE(write_file(root / "net/ipv4/ip_forward", "0\n"));
    auto failures = apply_sysctl({{"net.ipv4.ip_forward", "1"}, {"net.ipv4.none", "2"}}, root);
    REQUIRE(failures.size() == 1);
    CHECK(failures[0].find("kernel setting net.ipv4.none = 2: ") == 0);
    auto text = read_file(root / "net/ipv4/ip_forward");
    REQUIRE(text);
    CHECK(*text == "1\n");
    CHECK_FALSE(std::filesystem::exists(root / "net/ipv4/none"));
}

TEST_CASE("the name of a kernel setting leads nowhere else") {
    CHECK(sysctl_path("/p", "kernel.panic").value() == "/p/kernel/panic");
    for (const char* name : {"", ".", "a..b", "..", "a.", ".a", "a/b", "/etc.x"})
        CHECK_FALSE(sysctl_path("/p", name));
}

TEST_CASE("the image's configuration has kernel settings") {
    auto config = parse_image_config(R"({"sysctl": {"kernel.panic": "10"}})");
    REQUIRE(config);
    CHECK(config->sysctl == std::map<std::string, std::string>{{"kernel.panic", "10"}});
    CHECK_FALSE(parse_image_config(R"({"sysctl": ["a"]})"));
    CHECK_FALSE(parse_image_config(R"({"sysctl": {"a.b": 1}})"));
    auto many = [](std::size_t count) {
        std::string json = R"({"sysctl": {)";
        for (std::size_t i = 0; i < count; ++i)
            json += (i > 0 ? ",\"a." : "\"a.") + std::to_string(i) + "\":\"1\"";
        return json + "}}";
    };
    CHECK(parse_image_config(many(largest_list)));
    CHECK_FALSE(parse_image_config(many(largest_list + 1)));
}
