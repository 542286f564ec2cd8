#include "lib/sandbox/limits.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace osiekit;
using namespace osiekit::sandbox;
using nlohmann::json;

namespace {

std::string refusal(const std::string& text) {
    auto limits = limits_from_json(json::parse(text), "limits");
    REQUIRE(!limits);
    CHECK(limits.error().kind() == ErrorKind::invalid_input);
    return limits.error().to_string();
}

}  // namespace

TEST_CASE("sizes as people write them") {
    CHECK(parse_size("1") == 1);
    CHECK(parse_size("64KiB") == 65536);
    CHECK(parse_size("3GiB") == 3ULL << 30U);
    CHECK(parse_size("18014398509481983KiB") == UINT64_MAX - 1023);
    for (const char* text : {"", "0", "0MiB", "MiB", "1.5GiB", "1 MiB", "1MB", "-1",
                             "18014398509481984KiB", "18446744073709551616"})
        CHECK(!parse_size(text));
}

TEST_CASE("limits as texts") {
    Limits limits;
    CHECK(set_limit(limits, "memory", "64MiB"));
    CHECK(set_limit(limits, "processes", "20"));
    CHECK(set_limit(limits, "io_per_second", "1000000"));
    for (const auto& [text, millis] : std::vector<std::pair<const char*, std::uint32_t>>{
             {"1.5", 1500}, {"2", 2000}, {"0.01", 10}, {"0.255", 255}, {"1000000", 1000000000}}) {
        INFO(text);
        CHECK(set_limit(limits, "cpus", text));
        CHECK(limits == Limits{64ULL << 20U, 20, millis, 1000000});
    }
    for (const char* text : {"", "0", "0.009", "1.", ".5", "1.5.5", "-1", "1e3", "0.0155",
                             "1000000.001", "1000001", "18446744073709551616"}) {
        INFO(text);
        CHECK(!set_limit(limits, "cpus", text));
    }
    for (const char* text : {"", "0", "-1", "1.5", "64KiB"})
        CHECK(!set_limit(limits, "processes", text));
    CHECK(!set_limit(limits, "memory", "0"));
    Status unknown = set_limit(limits, "pids", "1");
    REQUIRE(!unknown);
    CHECK(unknown.error().hint() == "memory, processes, cpus, io_per_second");
}

TEST_CASE("limits in JSON come back as they went") {
    for (const Limits& limits :
         {Limits{}, Limits{1, 1, 10, 1}, Limits{UINT64_MAX, UINT64_MAX, 1000000000, UINT64_MAX},
          Limits{std::nullopt, 3, 1234, std::nullopt}}) {
        auto again = limits_from_json(json::parse(limits_to_json(limits).dump()), "limits");
        REQUIRE(again);
        CHECK(*again == limits);
    }
    auto written = limits_from_json(
        json::parse(R"({"memory": "32MiB", "cpus": 0.2, "io_per_second": 5})"), "limits");
    REQUIRE(written);
    CHECK(*written == Limits{32ULL << 20U, std::nullopt, 200, 5});
}

TEST_CASE("wrong limits in JSON are named") {
    CHECK(refusal("[]") == "limits: must be an object");
    CHECK(refusal(R"({"memroy": 1})") ==
          "limits: unknown key \"memroy\" (hint: did you mean \"memory\"?)");
    for (const char* text : {R"({"memory": 0})", R"({"memory": "1 MB"})", R"({"memory": -1})",
                             R"({"memory": 1.5})", R"({"memory": null})", R"({"memory": [1]})"})
        CHECK(refusal(text).rfind("limits.memory: must be a number of bytes", 0) == 0);
    for (const char* text : {R"({"processes": 0})", R"({"processes": "20"})",
                             R"({"processes": 1.5})", R"({"processes": -2})"})
        CHECK(refusal(text) == "limits.processes: must be a whole number above 0");
    for (const char* text :
         {R"({"cpus": 0.001})", R"({"cpus": "1"})", R"({"cpus": 1e300})", R"({"cpus": true})"})
        CHECK(refusal(text) == "limits.cpus: must be a number of processors, 0.01 or more");
}
