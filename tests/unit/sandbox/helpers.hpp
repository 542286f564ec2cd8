#pragma once

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>
#include <vector>

#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "lib/base/text.hpp"
#include "lib/sandbox/sandbox.hpp"
#include "tests/unit/network/own_network.hpp"

namespace osiekit::sandbox::test {

// The probe for programs on the machine's own root, where /tmp and /run are covered: the build may
// be there. Everybody may execute it; it goes with this program.
inline const std::string& machine_probe() {
    struct Copy {
        TempDir dir = TempDir::create("osiekit-probe", "/var/tmp").value();
        std::string path = dir / "probe";
        Copy() {
            REQUIRE(::chmod(dir.path().c_str(), 0755) == 0);
            std::filesystem::copy_file(OSIEKIT_PROBE, path);
        }
    };
    static const Copy copy;
    return copy.path;
}

// An otherwise empty root directory with the probe in it.
struct Root {
    TempDir dir = TempDir::create("sandbox-test").value();
    Root() {
        REQUIRE(::geteuid() == 0);  // these tests need root; a silent skip would prove nothing
        std::filesystem::copy_file(OSIEKIT_PROBE, dir / "probe");
    }
    SandboxSpec spec(Level level, std::vector<std::string> arguments) const {
        SandboxSpec spec;
        spec.level = level;
        spec.rootfs = dir.path();
        spec.argv = {"/probe"};
        spec.argv.insert(spec.argv.end(), arguments.begin(), arguments.end());
        return spec;
    }
};

struct Outcome {
    ExitStatus status;
    std::string out;
    std::vector<std::string> lines;

    // Lines that begin with `prefix`, without it.
    std::vector<std::string> all(const std::string& prefix) const {
        std::vector<std::string> found;
        for (const std::string& line : lines)
            if (line.rfind(prefix, 0) == 0) found.push_back(line.substr(prefix.size()));
        return found;
    }
    std::string one(const std::string& prefix) const {
        auto found = all(prefix);
        INFO("output:\n" << out);
        REQUIRE(!found.empty());
        return std::string(trim(found.front()));
    }
};

inline Result<Outcome> try_run(SandboxSpec spec) {
    TempDir dir = TempDir::create("sandbox-out").value();
    Fd file = open_file(dir / "out", O_RDWR | O_CREAT).value();
    spec.stdout_fd = file.get();
    spec.stderr_fd = file.get();
    OSIEKIT_ASSIGN(Plan plan, make_plan(std::move(spec)));
    OSIEKIT_ASSIGN(Running running, start(plan));
    Outcome outcome;
    OSIEKIT_ASSIGN(outcome.status, running.wait());
    OSIEKIT_ASSIGN(outcome.out, read_file(dir / "out"));
    for (auto line : split(outcome.out, '\n')) outcome.lines.emplace_back(line);
    return outcome;
}

inline Outcome run(SandboxSpec spec) {
    auto outcome = try_run(std::move(spec));
    if (!outcome) FAIL(outcome.error().to_string());
    return *std::move(outcome);
}

using osiekit::test::in_own_network;

}  // namespace osiekit::sandbox::test
