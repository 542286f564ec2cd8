#include "builder/debian/deb.hpp"

#include <catch2/catch.hpp>
#include <vector>

#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "tests/unit/debian/test_packages.hpp"

using namespace osiekit;
using namespace osiekit::builder;

namespace {

const std::string control =
    "Package: thing\nVersion: 1.0-1\nArchitecture: amd64\nDepends: a,\n b\n";

Result<std::vector<PackageFile>> files_of(const std::string& deb, const PackageFilter& filter = {},
                                          const DebLimits& limits = {}) {
    std::vector<PackageFile> files;
    OSIEKIT_TRY(read_deb_bytes(
        deb,
        [&](PackageFile&& file) {
            files.push_back(std::move(file));
            return Status();
        },
        filter, limits));
    return files;
}

}  // namespace

TEST_CASE("every kind of file in every compression") {
    std::string long_name = "./" + std::string(150, 'n') + "/" + std::string(150, 'm');
    for (const char* compression : {"", "gz", "xz", "zst"}) {
        INFO("compression " << compression);
        std::string deb = make_deb(control,
                                   {{"./", 'd', "", 0755},
                                    {"./usr/bin/", 'd', "", 0755},
                                    {"./usr/bin/a", 'f', std::string(100000, 'a'), 04755},
                                    {"./usr/bin/b", 'h', "./usr/bin/a"},
                                    {"./bin", 'l', "usr/bin"},
                                    {"./dev/console", 'c', "", 0600},
                                    {"./run/pipe", 'p', ""},
                                    {"./empty", 'f', ""},
                                    {long_name, 'f', "x"}},
                                   compression);
        auto files = files_of(deb).value();
        REQUIRE(files.size() == 8);
        CHECK(files[0].path == "usr/bin");
        CHECK(files[0].type == FileType::directory);
        CHECK(files[1].path == "usr/bin/a");
        CHECK(files[1].mode == 04755);
        CHECK(files[1].content.size() == 100000);
        CHECK(files[1].mtime == 1'700'000'000);
        CHECK(files[2].type == FileType::hardlink);
        CHECK(files[2].link_target == "usr/bin/a");
        CHECK(files[3].type == FileType::symlink);
        CHECK(files[3].link_target == "usr/bin");
        CHECK(files[4].type == FileType::character_device);
        CHECK(files[4].device_major == 5);
        CHECK(files[5].type == FileType::fifo);
        CHECK(files[6].content.empty());
        CHECK(files[7].path == long_name.substr(2));
        auto fields = read_deb_control_bytes(deb).value();
        CHECK(fields["package"] == "thing");
        CHECK(fields["depends"] == "a,\n b");
    }
}

TEST_CASE("a filter leaves files out and the sink may stop") {
    std::string deb = make_deb(control, {{"./a", 'f', "1"}, {"./b", 'f', "2"}, {"./c", 'f', "3"}});
    auto files = files_of(deb, [](std::string_view path, FileType) { return path != "b"; }).value();
    REQUIRE(files.size() == 2);
    CHECK(files[1].content == "3");
    auto stopped = read_deb_bytes(
        deb, [](PackageFile&&) { return Status(Error(ErrorKind::cancelled, "enough")); });
    REQUIRE_FALSE(stopped);
    CHECK(stopped.error().kind() == ErrorKind::cancelled);
}

TEST_CASE("names that climb out are refused") {
    for (const char* name : {"../x", "./a/../../x", "/../x", ".."})
        CHECK(files_of(make_deb(control, {{name, 'f', "x"}})).error().kind() == ErrorKind::refused);
    CHECK(files_of(make_deb(control, {{"./l", 'h', "../x"}})).error().kind() == ErrorKind::refused);
    // An absolute name means the same as a relative one.
    CHECK(files_of(make_deb(control, {{"/usr//x", 'f', "x"}})).value()[0].path == "usr/x");
}

TEST_CASE("limits of a package") {
    std::string deb = make_deb(control, {{"./aaaa", 'f', "12345"}, {"./b", 'f', "123"}});
    auto kind = [&](auto change) {
        DebLimits limits;
        change(limits);
        auto files = files_of(deb, {}, limits);
        return files ? ErrorKind::internal : files.error().kind();
    };
    CHECK(kind([](DebLimits& limits) { limits.file_size = 5; }) == ErrorKind::internal);
    CHECK(kind([](DebLimits& limits) { limits.file_size = 4; }) == ErrorKind::limit);
    CHECK(kind([](DebLimits& limits) { limits.unpacked_size = 8; }) == ErrorKind::internal);
    CHECK(kind([](DebLimits& limits) { limits.unpacked_size = 7; }) == ErrorKind::limit);
    CHECK(kind([](DebLimits& limits) { limits.entries = 2; }) == ErrorKind::internal);
    CHECK(kind([](DebLimits& limits) { limits.entries = 1; }) == ErrorKind::limit);
    CHECK(kind([](DebLimits& limits) { limits.path_length = 6; }) == ErrorKind::internal);
    CHECK(kind([](DebLimits& limits) { limits.path_length = 5; }) == ErrorKind::limit);
    DebLimits limits;
    limits.control_size = control.size();
    CHECK(read_deb_control_bytes(deb, limits));
    limits.control_size = control.size() - 1;
    CHECK(read_deb_control_bytes(deb, limits).error().kind() == ErrorKind::limit);
}

TEST_CASE("what is not a package says so") {
    std::string tar = make_tar({{"./x", 'f', "x"}});
    std::string controls = make_tar({{"./control", 'f', control}});
    auto kind = [](const std::string& bytes) { return files_of(bytes).error().kind(); };
    CHECK(kind("") == ErrorKind::invalid_input);
    CHECK(kind("!<arch>\n") == ErrorKind::invalid_input);
    CHECK(
        kind(make_ar({{"debian-binary", "3.0\n"}, {"control.tar", controls}, {"data.tar", tar}})) ==
        ErrorKind::unsupported);
    CHECK(kind(make_ar({{"debian-binary", "2.0\n"}, {"data.tar", tar}})) ==
          ErrorKind::invalid_input);
    CHECK(kind(make_ar({{"debian-binary", "2.0\n"}, {"control.tar", controls}})) ==
          ErrorKind::invalid_input);
    CHECK(kind(make_ar({{"debian-binary", "2.0\n"},
                        {"control.tar", controls},
                        {"data.tar.bz2", make_tar({{"./x", 'f', "x"}}, "bz2")}})) ==
          ErrorKind::unsupported);
    // A later minor version, members for others and what comes after data.tar do not matter.
    CHECK(files_of(make_ar({{"debian-binary", "2.9\n"},
                            {"_sign", "x"},
                            {"control.tar", controls},
                            {"_more", "x"},
                            {"data.tar", tar},
                            {"junk", "x"}}))
              .value()
              .size() == 1);
}

TEST_CASE("a package that is cut short or damaged inside is an error, not fewer files") {
    std::string content;
    for (int i = 0; i < 50000; ++i) content += std::to_string(i * 7919);
    for (const char* compression : {"", "gz", "xz", "zst"}) {
        INFO("compression " << compression);
        std::string suffix = *compression == '\0' ? "" : std::string(".") + compression;
        std::string data = make_tar({{"./x", 'f', content}}, compression);
        std::string cut = make_ar({{"debian-binary", "2.0\n"},
                                   {"control.tar", make_tar({{"./control", 'f', control}})},
                                   {"data.tar" + suffix, data.substr(0, data.size() / 2)}});
        CHECK(files_of(cut).error().kind() == ErrorKind::invalid_input);
    }
}

TEST_CASE("a package file, with its name in the message") {
    TempDir directory = TempDir::create().value();
    REQUIRE(write_file(directory / "good.deb", make_deb(control, {{"./x", 'f', "x"}})));
    REQUIRE(write_file(directory / "bad.deb", "nonsense"));
    int seen = 0;
    auto count = [&](PackageFile&&) {
        ++seen;
        return Status();
    };
    REQUIRE(read_deb(directory / "good.deb", count));
    CHECK(seen == 1);
    CHECK(read_deb_control(directory / "good.deb").value()["version"] == "1.0-1");
    auto failed = read_deb(directory / "bad.deb", count);
    REQUIRE_FALSE(failed);
    CHECK(failed.error().to_string().find("bad.deb") != std::string::npos);
    auto absent = read_deb(directory / "absent.deb", count);
    REQUIRE_FALSE(absent);
    CHECK(absent.error().kind() == ErrorKind::not_found);
}
