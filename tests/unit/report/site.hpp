#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lib/base/child.hpp"
#include "tests/unit/builder/support.hpp"

namespace osiekit::builder::test {

inline CommandOutput osiekit_program(const std::vector<std::string>& arguments,
                                     const std::string& environment = "") {
    std::vector<std::string> command = {"env", "LC_ALL=C"};
    if (!environment.empty()) command.push_back(environment);
    command.push_back(std::string(OSIEKIT_BIN_DIR) + "/osiekit");
    command.insert(command.end(), arguments.begin(), arguments.end());
    auto output = run_command(command);
    REQUIRE(output);
    return *output;
}

// A folder with a profile, programs and a kernel package, and the image built from them in "out".
struct BuiltSite {
    TempDir folder = make();
    std::string out = (folder / "out").string();

    static TempDir make() {
        auto folder = TempDir::create();
        REQUIRE(folder);
        PackageSpec kernel = kernel_package();
        kernel.files.emplace_back(
            "usr/share/doc/linux-image-test/copyright",
            "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"
            "Files: *\nCopyright: x\nLicense: GPL-2 and special\n");
        make_deb(folder->path(), kernel);
        spill(*folder / "osie-init", make_program());
        spill(*folder / "tink-worker", make_program() + "worker");
        spill(*folder / "p.yaml",
              "name: test\narch: amd64\nkernel: {package: linux-image-test.deb, repository: file}\n"
              "modules: {include: [top]}\nvariables: {word: sesame}\n"
              "files:\n  - {path: /etc/motd, content: \"hello\\n\"}\n"
              "  - {path: /etc/word, content: \"${word}\"}\n");
        std::string path = folder->path().string();
        auto built = osiekit_program({"build", path + "/p.yaml", "--out", path + "/out",
                                      "--programs", path, "--cache", path + "/cache", "--quiet"});
        INFO(built.err);
        REQUIRE(built.exit_code == 0);
        return *std::move(folder);
    }
    std::string manifest_text() const { return slurp(folder / "out/manifest.json"); }
    std::string initramfs() const { return slurp(folder / "out/initramfs"); }
};

}  // namespace osiekit::builder::test
