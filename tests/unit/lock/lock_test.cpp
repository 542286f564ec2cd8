#include "builder/lock/lock.hpp"

#include <algorithm>
#include <catch2/catch.hpp>

#include "builder/lock/lock_diff.hpp"

using namespace osiekit;
using namespace osiekit::builder;

namespace {

LockedPackage package(const std::string& name, const std::string& version) {
    LockedPackage made;
    made.system = "debian";
    made.name = name;
    made.version = version;
    made.architecture = "amd64";
    made.uses = {"image"};
    made.suite = "bookworm";
    made.component = "main";
    made.location = "pool/main/" + name.substr(0, 1) + "/" + name + "_" + version + ".deb";
    made.size = 1000;
    made.digest = Sha256::of(name + version);
    return made;
}

Lock sample() {
    Lock lock;
    lock.inputs.profile = "site";
    lock.inputs.architecture = "amd64";
    lock.inputs.builder = "0.1.0";
    lock.inputs.compression = "zstd 9 25";
    lock.inputs.library = "zstd 1.5.4";
    lock.inputs.keys = {{"name", Sha256::of("site")}, {"kernel", Sha256::of("k")}};
    lock.inputs.variables = {{"mirror", Sha256::of("https://mirror.example")}};
    lock.inputs.files = {{"files/motd", Sha256::of("hello")}};
    lock.inputs.programs = {{"osie-init", Sha256::of("i")}};
    lock.inputs.requests = {{"packages.debian", "strace"}, {"kernel", "linux-image-amd64"}};
    lock.packages = {package("strace", "6.1-1"), package("jq", "1.6-2")};
    return lock;
}

// The error of the sample after an edit of its text.
Error failure(const std::string& from, const std::string& to) {
    std::string text = lock_text(sample());
    std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    text.replace(at, from.size(), to);
    auto lock = parse_lock(text, "p.lock");
    INFO(text);
    REQUIRE_FALSE(lock);
    CHECK(lock.error().message().find("p.lock") == 0);
    return lock.error();
}

std::string message(const std::string& from, const std::string& to) {
    return failure(from, to).message();
}

}  // namespace

TEST_CASE("a lock is written in one order, one line a package, and read back") {
    Lock lock = sample();
    std::string text = lock_text(lock);
    std::reverse(lock.packages.begin(), lock.packages.end());
    std::reverse(lock.inputs.requests.begin(), lock.inputs.requests.end());
    CHECK(lock_text(lock) == text);
    auto read = parse_lock(text, "p.lock");
    if (!read) FAIL(read.error().to_string());
    sort_lock(lock);
    CHECK(*read == lock);
    CHECK(text.find("    {\"system\":\"debian\",\"name\":\"jq\",\"version\":\"1.6-2\",") !=
          std::string::npos);
    lock.packages.push_back(package("zlib", "1"));
    std::string longer = lock_text(lock);
    CHECK(std::count(longer.begin(), longer.end(), '\n') ==
          std::count(text.begin(), text.end(), '\n') + 1);
    CHECK(text.find("http") == std::string::npos);
    CHECK(text.back() == '\n');
    CHECK(parse_lock(lock_text(Lock{sample().inputs, {}}), "p.lock"));
}

TEST_CASE("what is wrong in a lock is said") {
    CHECK(message("{\n", "") == "p.lock:1: it is not JSON");
    CHECK(message("\"mtime\": 0", "\"mtime\": 0,,") == "p.lock:8: it is not JSON");
    CHECK(message("\"mtime\": 0", "\"mtime\": -1") ==
          "p.lock: mtime: a whole number without sign is wanted here");
    CHECK(message("\"mtime\": 0", "\"mtime\": 4294967296").find("p.lock: mtime: more than") == 0);
    CHECK(message("\"mtime\": 0", "\"mtime\": 0, \"mtime\": 1") ==
          "p.lock: the key \"mtime\" occurs twice");
    CHECK(message("\"mtime\": 0,", "") == "p.lock: the key \"mtime\" is missing");
    CHECK(message("\"mtime\": 0", "\"mtime\": 0, \"more\": 1") == "p.lock: unknown key \"more\"");
    CHECK(message("\"size\":1000", "\"size\":\"1000\"").find("p.lock: packages[0].size: ") == 0);
    CHECK(message("\"uses\":[\"image\"]", "\"uses\":[]") ==
          "p.lock: packages[0].uses: it is empty");
    CHECK(message("[\"image\"]", "[\"image\",\"image\"]").find("occurs twice") !=
          std::string::npos);
    CHECK(message("[\"image\"]", "[\"initrd\"]").find("unknown use \"initrd\"") !=
          std::string::npos);
    CHECK(message("\"jq\",\"version\":\"1.6-2\"", "\"strace\",\"version\":\"6.1-1\"") ==
          "p.lock: packages[1]: the package strace occurs twice");
    CHECK(message("\"debian\"", "\"deb\\u0000\"").find("a control character") != std::string::npos);
    CHECK(message("\"kernel\",\"sha256\"", "\"name\",\"sha256\"") ==
          "p.lock: keys[1]: \"name\" occurs twice");
    std::string digest = Sha256::of("i").hex();
    std::string upper = digest;
    for (char& c : upper) c = static_cast<char>(std::toupper(c));
    CHECK(message(digest, upper).find("no SHA-256") != std::string::npos);
    CHECK(message(digest, "sha256:" + digest).find("no SHA-256") != std::string::npos);
    CHECK(message(digest, digest.substr(1)).find("no SHA-256") != std::string::npos);
    Error later = failure("\"format\": 1", "\"format\": 2");
    CHECK(later.kind() == ErrorKind::unsupported);
    CHECK_FALSE(later.hint().empty());
    CHECK(parse_lock("[]", "p.lock").error().message() == "p.lock: it is not a lock file");
}

TEST_CASE("a location stays below its mirror") {
    for (const char* wrong : {"/etc/passwd", "../x", "pool/../../x", "pool//x", "./x", "pool/x/",
                              "http://host/x", "pool/x?query", "pool/x#part", "pool\\\\x"}) {
        INFO(wrong);
        CHECK(message("pool/main/j/jq_1.6-2.deb", wrong).find("no path below a mirror's root") !=
              std::string::npos);
    }
}

TEST_CASE("the limits of a lock") {
    Lock lock = sample();
    lock.packages.front().version = std::string(longest_locked_text, '1');
    CHECK(parse_lock(lock_text(lock), "l"));
    lock.packages.front().version += "1";
    CHECK(parse_lock(lock_text(lock), "l").error().kind() == ErrorKind::limit);
    lock = sample();
    lock.packages.front().size = largest_locked;
    CHECK(parse_lock(lock_text(lock), "l"));
    ++lock.packages.front().size;
    CHECK(parse_lock(lock_text(lock), "l").error().kind() == ErrorKind::limit);
    lock = sample();
    lock.inputs.requests.assign(most_locked, {"packages.debian", "a"});
    CHECK(parse_lock(lock_text(lock), "l"));
    lock.inputs.requests.push_back({"packages.debian", "a"});
    CHECK(parse_lock(lock_text(lock), "l").error().kind() == ErrorKind::limit);
    std::string text = lock_text(sample());
    text.resize(largest_lock, ' ');
    CHECK(parse_lock(text, "l"));
    CHECK(parse_lock(text + " ", "l").error().kind() == ErrorKind::limit);
    // As deep as it may be, it is only an unknown key; and the brackets are as many as fit.
    auto nested = [](std::size_t levels) {
        return parse_lock(
                   "{\"x\": " + std::string(levels - 1, '[') + std::string(levels - 1, ']') + "}",
                   "l")
            .error()
            .kind();
    };
    CHECK(nested(deepest_lock) == ErrorKind::invalid_input);
    CHECK(nested(deepest_lock + 2) == ErrorKind::limit);
    CHECK_FALSE(parse_lock(std::string(1'000'000, '['), "l"));
}

TEST_CASE("what two locks say differently") {
    Lock before = sample();
    CHECK(diff_locks(before, before).empty());
    Lock after = before;
    after.packages[0].version = "6.2-1";
    after.packages[1] = package("zlib", "1");
    after.inputs.library = "zstd 1.5.5";
    after.inputs.files[0].digest = Sha256::of("bye");
    after.inputs.requests.push_back({"packages.debian", "zlib"});
    after.inputs.variables.clear();
    CHECK(changes_text(diff_locks(before, after)) ==
          "! setting library zstd 1.5.4 -> zstd 1.5.5\n"
          "+ request packages.debian zlib\n"
          "- variable mirror\n"
          "! file files/motd\n"
          "- package debian jq 1.6-2\n"
          "! package debian strace 6.1-1 -> 6.2-1\n"
          "+ package debian zlib 1\n");
    auto json = changes_json(diff_locks(before, after));
    CHECK(json.size() == 7);
    CHECK(json[5]["before"] == "6.1-1");
    CHECK_FALSE(json[6].contains("before"));
}

TEST_CASE("the same version from elsewhere, or with other bytes, is a change") {
    Lock before = sample();
    Lock after = before;
    after.packages[0].digest = Sha256::of("other");
    auto changes = diff_locks(before, after);
    REQUIRE(changes.size() == 1);
    CHECK(changes[0].before.find("6.1-1 (amd64, image, bookworm main") == 0);
    CHECK(changes[0].before != changes[0].after);
    after = before;
    after.packages[0].uses = {"image", "kernel"};
    CHECK(diff_locks(before, after).size() == 1);
}
