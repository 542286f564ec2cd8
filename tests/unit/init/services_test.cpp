#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "init/services/line_splitter.hpp"
#include "tests/unit/init/service_bench.hpp"

using namespace osiekit;
using namespace osiekit::init;
using osiekit::init::test::Bench;

namespace {

ServiceSpec shell(const std::string& script) {
    return {"svc", {"/bin/sh", "-c", script}};
}

}  // namespace

TEST_CASE("Lines are cut at their ends and at the limit") {
    std::vector<std::string> lines;
    auto each = [&](std::string_view line) { lines.emplace_back(line); };
    LineSplitter splitter;
    splitter.add("one\ntw", each);
    splitter.add("o\r\n\nrest", each);
    CHECK(lines == std::vector<std::string>{"one", "two", ""});
    splitter.finish(each);
    CHECK(lines.back() == "rest");
    lines.clear();
    splitter.add(std::string(LineSplitter::limit, 'x') + "\n", each);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].size() == LineSplitter::limit);
    lines.clear();
    splitter.add(std::string(LineSplitter::limit + 1, 'x') + "\n", each);
    REQUIRE(lines.size() == 2);
    CHECK(lines[1] == "x");
}

TEST_CASE("The restart delay doubles up to five seconds") {
    CHECK(restart_delay(0) == Milliseconds(200));
    CHECK(restart_delay(1) == Milliseconds(200));
    CHECK(restart_delay(2) == Milliseconds(400));
    CHECK(restart_delay(5) == Milliseconds(3200));
    CHECK(restart_delay(6) == Milliseconds(5000));
    CHECK(restart_delay(4000000000U) == Milliseconds(5000));
}

TEST_CASE("A service's output is logged with its name, in a clean environment of its own") {
    Bench bench;
    const std::string written = bench.folder / "written";
    ::setenv("OSIEKIT_LEAK", "1", 1);
    bench.supervisor.start(
        {shell("echo out; echo err >&2; echo leak=$OSIEKIT_LEAK home=$HOME; "
               "test \"$(cut -d' ' -f6 /proc/$$/stat)\" = $$ && echo own session; "
               "printf 'no end'; : > " +
               written + "; exec sleep 1000")});
    bench.run_until([&] { return std::filesystem::exists(written); });
    bench.stop_all();
    CHECK(bench.has("svc: out\n"));
    CHECK(bench.has("svc: err\n"));
    CHECK(bench.has("svc: leak= home=/root\n"));
    CHECK(bench.has("svc: own session\n"));
    CHECK(bench.has("svc: no end\n"));
    CHECK(bench.has("svc was ended by signal SIGTERM"));
    ::unsetenv("OSIEKIT_LEAK");
}

TEST_CASE("A service that ends is started again") {
    Bench bench;
    std::string counter = bench.folder / "counter";
    bench.supervisor.start({shell("echo x >> " + counter + "; test $(wc -l < " + counter +
                                  ") -ge 2 && { echo again; exec sleep 1000; }; exit 3")});
    bench.wait_for("svc: again");
    CHECK(bench.has("svc ended with status 3; starting it again in 0.200 s"));
    bench.stop_all();
    CHECK_FALSE(bench.supervisor.running());
}

TEST_CASE("A service that cannot be started says why") {
    Bench bench;
    bench.supervisor.start({{"svc", {"/nonexistent/program"}}});
    bench.wait_for("svc ended with status 127");
    CHECK(bench.has("svc: cannot be started: No such file or directory"));
    bench.stop_all();
}

TEST_CASE("Stopping without services calls back at once") {
    Bench bench;
    bool called = false;
    bench.supervisor.stop([&] { called = true; });
    CHECK(called);
}
