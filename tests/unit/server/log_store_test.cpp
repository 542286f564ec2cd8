#include "server/store/log_store.hpp"

#include <catch2/catch.hpp>

#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"

using namespace osiekit;
using namespace osiekit::server;

namespace {

LogRun run_named(const std::string& run, const std::string& action = "A",
                 const std::string& workflow = "W") {
    return {workflow, action, "name of " + action, run};
}

std::vector<LogLine> numbered(std::uint64_t first, std::uint64_t count) {
    std::vector<LogLine> lines;
    for (std::uint64_t i = 0; i < count; ++i)
        lines.push_back({static_cast<std::int64_t>(i), false, std::to_string(first + i)});
    return lines;
}

struct Kept {
    TempDir folder = TempDir::create("osiekit-logs").value();
    std::unique_ptr<LogStore> logs;
    explicit Kept(LogLimits limits = {}) : logs(open(limits)) {}
    std::unique_ptr<LogStore> open(LogLimits limits = {}) const {
        return LogStore::open(folder / "logs.db", limits).value();
    }
    std::vector<LogRecord> records(const std::string& workflow = "W",
                                   const std::string& action = {}) {
        std::vector<LogRecord> all;
        std::uint64_t from = 0;
        while (auto record = logs->next_record(workflow, action, from).value()) {
            from = record->sequence + 1;
            all.push_back(*record);
        }
        return all;
    }
    std::vector<std::string> texts(const std::string& workflow = "W") {
        std::vector<std::string> all;
        for (const auto& record : records(workflow))
            for (const auto& line : record.lines) all.push_back(line.text);
        return all;
    }
};

}  // namespace

TEST_CASE("Lines are kept once, however often they come") {
    Kept kept;
    auto run = run_named("r1");
    CHECK(kept.logs->next_line(run).value() == 0);
    CHECK(kept.logs->append(run, 0, numbered(0, 3)).value() == 3);
    CHECK(kept.logs->append(run, 0, numbered(0, 3)).value() == 3);
    CHECK(kept.logs->append(run, 2, numbered(2, 3)).value() == 5);
    CHECK(kept.texts() == std::vector<std::string>{"0", "1", "2", "3", "4"});
    // A gap is the sender's loss, and seen by the numbers.
    CHECK(kept.logs->append(run, 9, numbered(9, 1)).value() == 10);
    CHECK(kept.records().back().first_line == 9);
    // Another run, and another start of the program.
    CHECK(kept.logs->append(run_named("r2"), 0, numbered(0, 1)).value() == 1);
    kept.logs.reset();
    kept.logs = kept.open();
    CHECK(kept.logs->next_line(run).value() == 10);
    CHECK(kept.records().size() == 4);
    CHECK(kept.records("other").empty());
}

TEST_CASE("Any bytes come back, and one action's can be asked for") {
    Kept kept;
    std::string bytes("a\0b \xff\x01", 6);
    REQUIRE(kept.logs->append(run_named("r", "A"), 0, {{7, true, bytes}, {8, false, ""}}));
    REQUIRE(kept.logs->append(run_named("r", "B"), 0, numbered(0, 1)));
    auto records = kept.records("W", "A");
    REQUIRE(records.size() == 1);
    REQUIRE(records[0].lines.size() == 2);
    CHECK(records[0].lines[0].text == bytes);
    CHECK(records[0].lines[0].error);
    CHECK(records[0].lines[0].time_us == 7);
    CHECK(records[0].lines[1].text.empty());
    CHECK(records[0].of.action_name == "name of A");
    CHECK(decode_log_lines("\n1\n1 e\nx o y\n2 o z\n3 e ").size() == 2);
}

TEST_CASE("Of a workflow, and of all, the newest bytes are kept") {
    constexpr std::uint64_t line = 100;
    auto of_weight = [](const std::string& text) {
        std::string padded = text;
        padded.resize(line - log_line_overhead, '.');
        return std::vector<LogLine>{{1, false, padded}};
    };
    Kept kept(LogLimits{3 * line, 5 * line, 10});
    auto add = [&](const std::string& workflow, std::uint64_t number) {
        REQUIRE(kept.logs->append(run_named("r", "A", workflow), number,
                                  of_weight(workflow + std::to_string(number))));
    };
    for (std::uint64_t i = 0; i < 3; ++i) add("W", i);
    CHECK(kept.records("W").size() == 3);  // at the limit
    add("W", 3);
    REQUIRE(kept.records("W").size() == 3);  // one above
    CHECK(kept.records("W").front().first_line == 1);
    add("V", 0);
    add("V", 1);
    CHECK(kept.records("W").size() == 3);
    add("V", 2);  // one above the limit of all: the oldest of any goes
    CHECK(kept.records("W").size() == 2);
    CHECK(kept.records("V").size() == 3);
}

TEST_CASE("Of a workflow's runs the newest are kept") {
    Kept kept(LogLimits{1U << 20U, 1U << 20U, 2});
    for (int i = 0; i < 2; ++i)
        REQUIRE(kept.logs->append(run_named("r" + std::to_string(i)), 0, numbered(0, 1)));
    CHECK(kept.records().size() == 2);
    REQUIRE(kept.logs->append(run_named("r2"), 0, numbered(0, 1)));
    auto records = kept.records();
    REQUIRE(records.size() == 2);
    CHECK(records[0].of.run == "r1");
    CHECK(kept.logs->next_line(run_named("r0")).value() == 0);
    // What was removed with a run does not count any more.
    REQUIRE(kept.logs->append(run_named("r0", "A", "V"), 0, numbered(0, 1)));
    CHECK(kept.records().size() == 2);
}

TEST_CASE("A file that is no database is an error with its name") {
    TempDir folder = TempDir::create("osiekit-logs").value();
    REQUIRE(write_file(folder / "logs.db", std::string(4096, 'x')));
    for (const auto& path : {folder / "logs.db", folder / "missing" / "logs.db"}) {
        auto opened = LogStore::open(path);
        REQUIRE_FALSE(opened);
        CHECK(opened.error().to_string().find(path.string()) != std::string::npos);
    }
}
