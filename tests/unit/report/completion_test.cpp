#include "tests/unit/report/site.hpp"

// The script for bash, run by bash as it runs it when the tabulator key is pressed.

using namespace osiekit;
using namespace osiekit::builder::test;

namespace {

// What bash offers for the last of the words, in order of bytes.
std::vector<std::string> offered(const TempDir& folder, const std::vector<std::string>& words) {
    // compopt only works inside a completion that readline started.
    std::string script =
        "cd \"$1\"; source ./osiekit.bash; shift; compopt() { :; }; COMP_WORDS=(\"$@\");"
        "COMP_CWORD=$(($# - 1)); _osiekit; "
        "((${#COMPREPLY[@]} == 0)) || printf '%s\\n' \"${COMPREPLY[@]}\" | LC_ALL=C sort";
    std::vector<std::string> command = {"bash", "--norc", "-c",
                                        script, "bash",   folder.path().string()};
    command.insert(command.end(), words.begin(), words.end());
    auto output = run_command(command);
    REQUIRE(output);
    INFO(output->err);
    REQUIRE(output->err.empty());
    std::vector<std::string> lines;
    std::string line;
    for (char c : output->out) {
        if (c != '\n') {
            line += c;
            continue;
        }
        lines.push_back(std::move(line));
        line.clear();
    }
    return lines;
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("bash completes commands, options, values and files") {
    auto folder = TempDir::create();
    REQUIRE(folder);
    auto script = osiekit_program({"completion", "bash"});
    REQUIRE(script.exit_code == 0);
    spill(*folder / "osiekit.bash", script.out);
    spill(*folder / "site profile.yaml", "x");
    std::filesystem::create_directory(*folder / "sites");
    CHECK(offered(*folder, {"osiekit", "sb"}) == Words{"sbom"});
    CHECK(offered(*folder, {"osiekit", "ex"}) == Words{"extract"});
    CHECK(offered(*folder, {"osiekit", "action", ""}) == Words{"build"});
    CHECK(offered(*folder, {"osiekit", "sbom", "--f"}) == Words{"--format"});
    CHECK(offered(*folder, {"osiekit", "sbom", "--format", ""}) == Words{"cyclonedx", "spdx"});
    CHECK(offered(*folder, {"osiekit", "sbom", "--format", "=", "c"}) == Words{"cyclonedx"});
    CHECK(offered(*folder, {"osiekit", "completion", "f"}) == Words{"fish"});
    CHECK(offered(*folder, {"osiekit", "build", "sit"}) == Words{"site profile.yaml", "sites"});
    CHECK(offered(*folder, {"osiekit", "build", "x", "--out", "sit"}) == Words{"sites"});
    CHECK(offered(*folder, {"osiekit", "nonsense", "--nothing"}).empty());
}

TEST_CASE("the scripts know every command that the help names") {
    std::string help = osiekit_program({"--help"}).out;
    std::size_t start = help.find("Subcommands:\n");
    REQUIRE(start != std::string::npos);
    Words commands;
    for (std::size_t at = help.find("\n  ", start); at != std::string::npos;
         at = help.find("\n  ", at + 1)) {
        std::string name = help.substr(at + 3, help.find(' ', at + 3) - at - 3);
        if (name.empty() || name == "osiekit") break;
        commands.push_back(name);
    }
    CHECK(commands.size() >= 10);
    for (const char* shell : {"bash", "zsh", "fish"}) {
        std::string script = osiekit_program({"completion", shell}).out;
        for (const std::string& command : commands) {
            INFO(shell << " " << command);
            CHECK(script.find("osiekit " + command) != std::string::npos);
        }
    }
    CHECK(osiekit_program({"completion", "csh"}).exit_code == 2);
}
