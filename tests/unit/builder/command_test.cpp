#include <nlohmann/json.hpp>

#include "lib/base/child.hpp"
#include "tests/unit/builder/support.hpp"

// The program as users run it.

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace {

CommandOutput osiekit_program(std::vector<std::string> arguments,
                              const std::string& environment = "") {
    std::vector<std::string> command = {"env"};
    for (const std::string& word : {std::string("LC_ALL=C"), environment})
        if (!word.empty()) command.push_back(word);
    command.push_back(std::string(OSIEKIT_BIN_DIR) + "/osiekit");
    command.insert(command.end(), arguments.begin(), arguments.end());
    auto output = run_command(command);
    REQUIRE(output);
    return *output;
}

// A site whose kernel is a file beside the profile, so that no repository is asked.
TempDir make_site() {
    auto folder = TempDir::create();
    REQUIRE(folder);
    make_deb(folder->path(), kernel_package());
    spill(*folder / "osie-init", make_program());
    spill(*folder / "tink-worker", make_program());
    spill(*folder / "p.yaml",
          "name: test\narch: amd64\nkernel: {package: linux-image-test.deb, repository: file}\n"
          "modules: {include: [top]}\nfiles: [{path: /etc/motd, content: \"grüß dich\\n\"}]\n");
    return *std::move(folder);
}

std::vector<std::string> build_in(const TempDir& site, const std::string& out) {
    std::string folder = site.path().string();
    return {"build",   folder + "/p.yaml",      "--out", folder + "/" + out, "--programs", folder,
            "--cache", folder + "/cache-" + out};
}

}  // namespace

TEST_CASE("help, version and wrong usage") {
    CHECK(osiekit_program({"--version"}).out.find("osiekit 0") == 0);
    CHECK(osiekit_program({"--help"}).exit_code == 0);
    for (const char* command :
         {"build", "plan", "inspect", "size", "diff", "extract", "verify", "sbom", "provenance"}) {
        auto help = osiekit_program({command, "--help"});
        CHECK(help.exit_code == 0);
        CHECK(help.out.find("Examples:") != std::string::npos);
        CHECK(osiekit_program({command}).exit_code == 2);
    }
    CHECK(osiekit_program({}).exit_code == 2);
    CHECK(osiekit_program({"biuld"}).exit_code == 2);
    CHECK(osiekit_program({"build", "x.yaml", "--out", "o", "--nonsense"}).exit_code == 2);
}

TEST_CASE("build and inspect through the program") {
    TempDir site = make_site();
    auto arguments = build_in(site, "out");
    arguments.push_back("--json");
    auto built = osiekit_program(arguments);
    INFO(built.err);
    REQUIRE(built.exit_code == 0);
    auto result = nlohmann::json::parse(built.out);
    CHECK(result["kernel"] == "6.1-test");
    CHECK(result["segments"].size() == 5);
    auto inspected = osiekit_program({"inspect", (site / "out").string(), "--json"});
    REQUIRE(inspected.exit_code == 0);
    CHECK(nlohmann::json::parse(inspected.out)["complete"] == true);
    auto listed = osiekit_program({"inspect", (site / "out/initramfs").string(), "--list"});
    CHECK(listed.out.find("-rwxr-xr-x     0     0") != std::string::npos);
    CHECK(listed.out.find("etc/motd") != std::string::npos);
    auto quiet = build_in(site, "out");
    quiet.push_back("--quiet");
    auto silent = osiekit_program(quiet);
    CHECK(silent.exit_code == 0);
    CHECK((silent.out + silent.err).empty());
}

TEST_CASE("directory, umask, time zone and locale do not change the bytes") {
    TempDir one = make_site();
    TempDir two = make_site();
    REQUIRE(osiekit_program(build_in(one, "a")).exit_code == 0);
    // The sanitizers do not bear faketime's preloaded library.
    std::string_view sanitizer = OSIEKIT_SANITIZER_IN_USE;
    std::string clock = sanitizer.empty() ? "faketime '2031-01-01' " : "";
    std::string script =
        "umask 077; cd /; export TZ=Asia/Tokyo LC_ALL=C.UTF-8; exec " + clock + "\"$@\"";
    std::vector<std::string> command = {"sh", "-c", script, "sh",
                                        std::string(OSIEKIT_BIN_DIR) + "/osiekit"};
    for (const std::string& word : build_in(two, "longer-name/b")) command.push_back(word);
    auto other = run_command(command);
    REQUIRE(other);
    INFO(other->err);
    REQUIRE(other->exit_code == 0);
    for (const char* file : {"vmlinuz", "initramfs", "manifest.json"}) {
        INFO(file);
        CHECK(slurp(one / "a" / file) == slurp(two / "longer-name/b" / file));
    }
    REQUIRE(osiekit_program(build_in(one, "c"), "SOURCE_DATE_EPOCH=5").exit_code == 0);
    CHECK(slurp(one / "a" / "initramfs") != slurp(one / "c" / "initramfs"));
    CHECK(osiekit_program(build_in(one, "d"), "SOURCE_DATE_EPOCH=soon").exit_code == 2);
    CHECK(osiekit_program(build_in(one, "d"), "SOURCE_DATE_EPOCH=4294967296").exit_code == 2);
}

TEST_CASE("an image is compared and unpacked through the program") {
    TempDir site = make_site();
    REQUIRE(osiekit_program(build_in(site, "a")).exit_code == 0);
    auto other = build_in(site, "b");
    other.insert(other.end(), {"--compress", "none"});
    // The kernel of the test is only configured for zstd.
    REQUIRE(osiekit_program(other).exit_code == 0);
    std::string a = (site / "a").string();
    CHECK(osiekit_program({"diff", a, (site / "b/initramfs").string()}).exit_code == 0);
    other[other.size() - 1] = "lz4";
    CHECK(osiekit_program(other).exit_code == 1);
    other[other.size() - 1] = "lzo";
    CHECK(osiekit_program(other).exit_code == 2);
    spill(site / "osie-init", make_program() + "more");
    REQUIRE(osiekit_program(build_in(site, "c")).exit_code == 0);
    auto changed = osiekit_program({"diff", a, (site / "c").string()});
    CHECK(changed.exit_code == 1);
    CHECK(changed.out.find("! file init\n") == 0);
    auto json = osiekit_program({"diff", a, (site / "c").string(), "--json"});
    CHECK(nlohmann::json::parse(json.out)["files"].size() == 1);
    CHECK(osiekit_program({"diff", a, (site / "none").string()}).exit_code == 2);
    auto to = (site / "tree").string();
    CHECK(osiekit_program({"extract", a, "--to", to}).exit_code == 0);
    CHECK(slurp(site / "tree/etc/osie/complete") == "complete\n");
    CHECK(osiekit_program({"extract", a, "--to", to}).exit_code == 2);
    CHECK(osiekit_program({"extract", a}).exit_code == 2);
    auto list = osiekit_program({"extract", a, "--list"});
    CHECK(list.out.find("etc/osie/complete\n") != std::string::npos);
    auto shown = osiekit_program({"inspect", a});
    CHECK(shown.out.find("kernel: 6.1-test\n") != std::string::npos);
    CHECK(shown.out.find("package: file:linux-image-test") != std::string::npos);
    CHECK(shown.out.find("made by: osiekit") != std::string::npos);
    auto sizes = osiekit_program({"size", a, "--depth", "1"});
    CHECK(sizes.out.find("program osie-init\n") != std::string::npos);
    auto tree = nlohmann::json::parse(osiekit_program({"size", a, "--all", "--json"}).out);
    CHECK(tree["packed"] == std::filesystem::file_size(site / "a/initramfs") +
                                std::filesystem::file_size(site / "a/vmlinuz"));
    std::string picture = (site / "a.svg").string();
    CHECK(osiekit_program({"size", a, "--svg", picture}).exit_code == 0);
    CHECK(slurp(picture).find("program tink-worker") != std::string::npos);
}

TEST_CASE("failures have their exit status and leave nothing") {
    TempDir site = make_site();
    spill(site / "p.yaml", "name: test\nkernel: {package: x}\npakages: []\n");
    auto wrong = osiekit_program(build_in(site, "out"));
    CHECK(wrong.exit_code == 2);
    CHECK(wrong.err == "osiekit: " + (site / "p.yaml").string() +
                           ":3: unknown key \"pakages\" (hint: did you mean \"packages\"?)\n");
    CHECK_FALSE(std::filesystem::exists(site / "out"));
    auto none = osiekit_program({"inspect", (site / "none").string()});
    CHECK(none.exit_code == 1);
    spill(site / "text", "not an image");
    CHECK(osiekit_program({"inspect", (site / "text").string()}).exit_code == 2);
}
