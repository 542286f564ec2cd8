#include <catch2/catch.hpp>

#include "lib/base/child.hpp"
#include "server/cli/completion.hpp"
#include "server/cli/output.hpp"

using namespace osiekit;
using namespace osiekit::tink;
using Catch::Matchers::Contains;

TEST_CASE("Tables are aligned by what is seen") {
    CHECK(table({"A", "LONG"}, {{"1234", "x"}, {"\u00e9", "y"}}) ==
          "A     LONG\n1234  x\n\u00e9     y\n");
    CHECK(table({"A", "B"}, {{coloured_state("FAILED", true), "x"}}) ==
          "A       B\n\x1b[31mFAILED\x1b[0m  x\n");
}

TEST_CASE("Durations are for people") {
    CHECK(duration("2026-01-01T00:00:00.000Z", "2026-01-01T00:00:01.590Z") == "1.5 s");
    CHECK(duration("2026-01-01T23:59:00.000Z", "2026-01-02T00:01:03.000Z") == "2 min 3 s");
    CHECK(duration(nullptr, "2026-01-01T00:00:00.000Z") == "-");
}

TEST_CASE("Events are one line each") {
    Json event = {{"sequence", 7},
                  {"time", "2026-01-01T00:00:00.000Z"},
                  {"kind", "action.finished"},
                  {"hardware", "m"},
                  {"text", "action \"a\" ended with FAILED: FAILED\nbadly"},
                  {"detail", {{"state", "FAILED"}}}};
    std::string line = event_line(event, {});
    CHECK_THAT(line,
               Contains("    7  2026-01-01 00:00:00  action.finished") && Contains("\\x0abadly"));
    CHECK(std::count(line.begin(), line.end(), '\n') == 1);
    CHECK_THAT(event_line(event, {false, true}), Contains("\x1b[31mFAILED\x1b[0m"));
    CHECK(Json::parse(event_line(event, {true, false})) == event);
}

TEST_CASE("The completion is a script that bash accepts") {
    auto checked = run_command({"bash", "-n", "-c", bash_completion()});
    REQUIRE(checked);
    CHECK(checked->exit_code == 0);
    CHECK(checked->err.empty());
}
