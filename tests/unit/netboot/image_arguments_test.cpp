#include "server/netboot/ipxe/image_arguments.hpp"

#include <catch2/catch.hpp>

#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "server/netboot/ipxe/script.hpp"

using namespace osiekit;
using namespace osiekit::netboot::ipxe;

namespace {

std::string manifest(const std::string& cmdline) {
    return R"({"format": 1, "name": "virtual", "kernel": {"version": "6.1", "cmdline": ")" +
           cmdline + "\"}}";
}

ErrorKind refusal(const std::string& text) {
    auto arguments = image_arguments(text);
    REQUIRE_FALSE(arguments);
    return arguments.error().kind();
}

}  // namespace

TEST_CASE("the words of kernel.cmdline") {
    CHECK(image_arguments(manifest("initramfs_options=size=90%  console=tty0 ")).value() ==
          "initramfs_options=size=90% console=tty0");
    CHECK(image_arguments(manifest("")).value().empty());
    CHECK(image_arguments(R"({"format": 1, "kernel": {}})").value().empty());
}

TEST_CASE("what is no manifest of ours is refused") {
    for (const std::string text :
         {"", "[]", "{", "\"x\"", "{}", R"({"format": "1", "kernel": {}})", R"({"format": 1})",
          R"({"format": 1, "kernel": "x"})", R"({"format": 1, "kernel": {"cmdline": 7}})",
          R"({"format": 1, "kernel": {"cmdline": ["a"]}})"}) {
        INFO(text);
        CHECK(refusal(text) == ErrorKind::invalid_input);
    }
    CHECK(refusal(R"({"format": 2, "kernel": {"cmdline": "a"}})") == ErrorKind::unsupported);
}

TEST_CASE("arguments with other characters, or that hide what follows, are refused") {
    for (const std::string cmdline : {"a\\nb", "a\\tb", "\\u00e4", "a\\u0000", "a -- b", "--"}) {
        INFO(cmdline);
        CHECK(refusal(manifest(cmdline)) == ErrorKind::invalid_input);
    }
    CHECK(image_arguments(manifest("a=-- b")).value() == "a=-- b");
}

TEST_CASE("arguments at the kernel's limit are taken and one above it is refused") {
    CHECK(image_arguments(manifest(std::string(largest_kernel_command_line, 'x'))));
    CHECK(refusal(manifest(std::string(largest_kernel_command_line + 1, 'x'))) == ErrorKind::limit);
}

TEST_CASE("of a folder, read anew when the file is another one") {
    auto folder = TempDir::create().value();
    ImageArguments arguments(folder.path());
    CHECK(arguments.get().value().empty());
    REQUIRE(write_file(folder / "manifest.json", manifest("a=1")));
    CHECK(arguments.get().value() == "a=1");
    CHECK(arguments.get().value() == "a=1");
    REQUIRE(write_file(folder / "manifest.json", manifest("a=2")));
    CHECK(arguments.get().value() == "a=2");
    REQUIRE(write_file(folder / "manifest.json", "cut short"));
    auto broken = arguments.get();
    REQUIRE_FALSE(broken);
    CHECK(broken.error().to_string().find((folder / "manifest.json").string()) !=
          std::string::npos);
    std::filesystem::remove(folder / "manifest.json");
    CHECK(arguments.get().value().empty());
    CHECK(ImageArguments("").get().value().empty());
}
