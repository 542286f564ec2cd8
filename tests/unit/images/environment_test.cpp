#include "images/common/environment.hpp"

#include <catch2/catch.hpp>

#include "images/image2disk/settings.hpp"
#include "images/writefile/settings.hpp"

using namespace osiekit;
using namespace osiekit::images;

namespace {

using Values = std::map<std::string, std::string, std::less<>>;

const Values image2disk_values = {{"IMG_URL", "http://server.example/x"},
                                  {"DEST_DISK", "/dev/vda"}};
const Values writefile_values = {{"DEST_DISK", "/dev/vda1"},
                                 {"FS_TYPE", "ext4"},
                                 {"DEST_PATH", "/etc/x"},
                                 {"UID", "0"},
                                 {"GID", "0"},
                                 {"MODE", "0644"},
                                 {"DIRMODE", "0755"}};

template <typename Read>
std::string refusal(Read read, Values values, const std::string& name, const std::string& value) {
    values[name] = value;
    auto settings = read(Environment(values));
    REQUIRE(!settings);
    CHECK(settings.error().kind() == ErrorKind::invalid_input);
    return settings.error().to_string();
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("image2disk: defaults and every variable") {
    auto plain = image2disk::read_settings(Environment(image2disk_values));
    REQUIRE(plain);
    CHECK(!plain->compressed);
    CHECK(!plain->retry);
    CHECK(plain->retry_for == std::chrono::minutes(10));
    CHECK(plain->progress_interval == std::chrono::seconds(3));
    Values values = image2disk_values;
    values["COMPRESSED"] = "T";
    values["RETRY_ENABLED"] = "1";
    values["RETRY_DURATION_MINUTES"] = "1440";
    values["PROGRESS_INTERVAL_SECONDS"] = "0";
    values["IMG_SHA256"] = std::string(64, 'a');
    auto full = image2disk::read_settings(Environment(values));
    REQUIRE(full);
    CHECK(full->compressed);
    CHECK(full->retry);
    CHECK(full->sha256.has_value());
}

TEST_CASE("image2disk: a wrong setting is named") {
    auto refuse = [](const std::string& name, const std::string& value) {
        return refusal(image2disk::read_settings, image2disk_values, name, value);
    };
    CHECK(contains(refuse("IMG_URL", ""), "IMG_URL is not set"));
    CHECK(contains(refuse("IMG_URL", "ftp://x"), "IMG_URL is 'ftp://x'"));
    CHECK(contains(refuse("DEST_DISK", "vda"), "DEST_DISK"));
    CHECK(contains(refuse("COMPRESSED", "yes"), "COMPRESSED is 'yes'"));
    CHECK(contains(refuse("IMG_SHA256", "abc"), "IMG_SHA256"));
    CHECK(contains(refuse("RETRY_DURATION_MINUTES", "1441"), "RETRY_DURATION_MINUTES"));
    CHECK(contains(refuse("PROGRESS_INTERVAL_SECONDS", "-1"), "PROGRESS_INTERVAL_SECONDS"));
}

TEST_CASE("writefile: everything is required, numbers are strict") {
    auto read = writefile::read_settings(Environment(writefile_values));
    REQUIRE(read);
    CHECK(read->file.mode == 0644);
    CHECK(read->file.directory_mode == 0755);
    CHECK(read->file.contents.empty());
    for (const auto& [name, value] : writefile_values)
        CHECK(contains(refusal(writefile::read_settings, writefile_values, name, ""),
                       name + " is not set"));
    auto refuse = [](const std::string& name, const std::string& value) {
        return refusal(writefile::read_settings, writefile_values, name, value);
    };
    for (const char* wrong : {"root", "-1", "4294967295", "1 "})
        CHECK(contains(refuse("UID", wrong), "UID is"));
    for (const char* wrong : {"0888", "rwx", "10000", "-644", "0x1ff"})
        CHECK(contains(refuse("MODE", wrong), "MODE is"));
    CHECK(contains(refuse("DEST_PATH", "etc/x"), "DEST_PATH"));
    CHECK(contains(refuse("DEST_PATH", "/etc/"), "names no file"));
}

TEST_CASE("the largest values are taken") {
    Values values = writefile_values;
    values["UID"] = "4294967294";
    values["MODE"] = "7777";
    auto read = writefile::read_settings(Environment(values));
    REQUIRE(read);
    CHECK(read->file.uid == 4294967294U);
    CHECK(read->file.mode == 07777);
}
