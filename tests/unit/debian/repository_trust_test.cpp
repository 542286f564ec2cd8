#include "builder/debian/repository.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "builder/debian/release.hpp"
#include "builder/debian/signature.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "lib/base/text.hpp"
#include "tests/unit/debian/repository_setting.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace fs = std::filesystem;

TEST_CASE("a wrong digest in the index names the package's URL") {
    RepositorySetting setting;
    setting.mirror.wrong_digest["kernel"] = std::string(64, 'a');
    setting.mirror.publish();
    Error failed = setting.failure({"kernel"});
    CHECK(failed.kind() == ErrorKind::digest);
    CHECK(contains(failed, "/debian/pool/main/kernel_6.1-1_amd64.deb"));
    CHECK(contains(failed, std::string(64, 'a')));
    REQUIRE(setting.obtain({"tool"}));
}

TEST_CASE("an index that is not the signed one is refused") {
    RepositorySetting setting;
    std::string index = setting.server.get(setting.mirror.index_path());
    index[index.size() / 2] ^= 1;
    setting.server.put(setting.mirror.index_path(), index);
    Error failed = setting.failure({"kernel"});
    CHECK(failed.kind() == ErrorKind::digest);
    CHECK(contains(failed, setting.mirror.index_path()));
}

TEST_CASE("signatures that do not count") {
    RepositorySetting setting;
    std::string path = "/debian/dists/bookworm/InRelease";
    std::string good = setting.server.get(path);
    SECTION("the text was changed") {
        good.replace(good.find("Origin: Test"), 12, "Origin: Evil");
        setting.server.put(path, good);
        CHECK(contains(setting.failure({"kernel"}), "is bad"));
    }
    SECTION("somebody else signed it") {
        TestRepository other(setting.server, stranger_key());
        other.add({"kernel", "9"});
        other.publish();
        CHECK(contains(setting.failure({"kernel"}), "which the keyring lacks"));
    }
    SECTION("text stands before the signed block") {
        setting.server.put(path, "Origin: x\n\n" + good);
    }
    SECTION("text stands after it") {
        setting.server.put(path, good + "Origin: x\n");
    }
    SECTION("there are two blocks") {
        setting.server.put(path, good + good);
    }
    SECTION("it is not signed at all") {
        setting.server.put(path, strip_clear_signature(good));
    }
    SECTION("it is a web page") {
        setting.server.put(path, "<html>please log in</html>");
    }
    SECTION("the key has expired") {
        Signer old("old", "20200101T000000", "1y");
        REQUIRE(write_file(setting.root / "etc/apt/keyrings/a.gpg", old.public_key()));
        TestRepository other(setting.server, old);
        other.add({"kernel", "9"});
        other.publish();
        CHECK(contains(setting.failure({"kernel"}), "has expired"));
    }
    Error failed = setting.failure({"kernel"});
    CHECK(failed.kind() == ErrorKind::refused);
    CHECK(contains(failed, "InRelease"));
    CHECK_FALSE(fs::exists(setting.root / "cache/releases"));
}

TEST_CASE("keys may come in several ways") {
    RepositorySetting setting;
    SECTION("an armoured file") {
        REQUIRE(
            write_file(setting.root / "etc/apt/keyrings/a.asc", archive_key().public_key(true)));
        setting.configure("Signed-By: /etc/apt/keyrings/a.asc\n");
    }
    SECTION("a block in the source") {
        std::string key = archive_key().public_key(true);
        std::string block;
        for (std::string_view line : split(trim(key), '\n'))
            block += "\n " + (line.empty() ? "." : std::string(line));
        setting.configure("Signed-By:" + block + "\n");
    }
    SECTION("the host's trusted keys") {
        setting.configure("");
        CHECK(contains(setting.failure({"kernel"}), "no keyring"));
        fs::create_directories(setting.root / "etc/apt/trusted.gpg.d");
        REQUIRE(
            write_file(setting.root / "etc/apt/trusted.gpg.d/s.gpg", stranger_key().public_key()));
        CHECK(contains(setting.failure({"kernel"}), "keyring lacks"));
        REQUIRE(
            write_file(setting.root / "etc/apt/trusted.gpg.d/t.gpg", archive_key().public_key()));
    }
    SECTION("one of the trusted keys, by its fingerprint") {
        fs::create_directories(setting.root / "etc/apt/trusted.gpg.d");
        REQUIRE(
            write_file(setting.root / "etc/apt/trusted.gpg.d/t.gpg", archive_key().public_key()));
        setting.configure("Signed-By: " + stranger_key().fingerprint() + "\n");
        CHECK(setting.failure({"kernel"}).kind() == ErrorKind::refused);
        setting.configure("Signed-By: " + archive_key().fingerprint() + "\n");
    }
    SECTION("none, where the administrator trusts the mirror") {
        setting.server.put(
            "/debian/dists/bookworm/InRelease",
            strip_clear_signature(setting.server.get("/debian/dists/bookworm/InRelease")));
        setting.configure("Trusted: yes\n");
        CHECK(DebianRepository::open(setting.options).value()->warnings().size() == 1);
    }
    REQUIRE(setting.obtain({"kernel"}));
}

TEST_CASE("another keyring means another verification") {
    RepositorySetting setting;
    REQUIRE(setting.obtain({"kernel"}));
    REQUIRE(write_file(setting.root / "etc/apt/keyrings/a.gpg", stranger_key().public_key()));
    CHECK(setting.failure({"kernel"}).kind() == ErrorKind::refused);
    setting.options.offline = true;
    CHECK(setting.failure({"kernel"}).kind() == ErrorKind::not_found);
}

TEST_CASE("dates are honoured as the host's apt honours them") {
    RepositorySetting setting;
    setting.mirror.valid_until = "Sat, 21 Nov 2026 10:00:00 UTC";
    setting.mirror.publish();
    SECTION("expired") {
        REQUIRE(setting.obtain({"kernel"}));
        setting.now += 10 * day;
        Error failed = setting.failure({"kernel"});
        CHECK(failed.kind() == ErrorKind::refused);
        CHECK(contains(failed, "has expired 3 days ago"));
        CHECK(contains(failed, "Check-Valid-Until"));
        setting.options.offline = true;
        CHECK(contains(setting.failure({"kernel"}), "run once without --offline"));
    }
    SECTION("renewed within the interval in which a mirror is not asked again") {
        setting.mirror.valid_until = "Sat, 14 Nov 2026 12:01:00 UTC";
        setting.mirror.publish();
        REQUIRE(setting.obtain({"kernel"}));
        setting.now += 2 * minute;
        CHECK(contains(setting.failure({"kernel"}), "has expired 0 hours ago"));
        setting.mirror.valid_until = "Sat, 21 Nov 2026 12:00:00 UTC";
        setting.mirror.publish();
        REQUIRE(setting.obtain({"kernel"}));
    }
    SECTION("expired, but nobody minds") {
        setting.now += 10 * day;
        AptSettings settings;
        settings.check_valid_until = false;
        setting.options.settings = settings;
        REQUIRE(setting.obtain({"kernel"}));
        setting.configure("Signed-By: /etc/apt/keyrings/a.gpg\nCheck-Valid-Until: yes\n");
        CHECK(setting.failure({"kernel"}).kind() == ErrorKind::refused);
    }
    SECTION("the host allows less, or more, than the release says") {
        setting.now += 5 * day;
        REQUIRE(setting.obtain({"kernel"}));
        AptSettings settings;
        settings.longest_valid[""] = 3 * day;
        setting.options.settings = settings;
        CHECK(contains(setting.failure({"kernel"}), "has expired 2 days ago"));
        setting.configure("Signed-By: /etc/apt/keyrings/a.gpg\nValid-Until-Max: 604800\n");
        REQUIRE(setting.obtain({"kernel"}));
        setting.now += 5 * day;
        setting.configure(
            "Signed-By: /etc/apt/keyrings/a.gpg\nValid-Until-Max: 0\n"
            "Valid-Until-Min: 2592000\n");
        REQUIRE(setting.obtain({"kernel"}));
    }
    SECTION("a release that says nothing, by its label") {
        setting.mirror.valid_until.clear();
        setting.mirror.label = "Site";
        setting.mirror.publish();
        setting.now += 900 * day;
        AptSettings settings;
        settings.longest_valid["other"] = day;
        setting.options.settings = settings;
        REQUIRE(setting.obtain({"kernel"}));
        settings.longest_valid["site"] = day;
        setting.options.settings = settings;
        CHECK(contains(setting.failure({"kernel"}), "has expired 899 days ago"));
    }
    SECTION("from the future") {
        setting.now -= 2 * day;
        Error failed = setting.failure({"kernel"});
        CHECK(failed.kind() == ErrorKind::refused);
        CHECK(contains(failed, "clock"));
        AptSettings settings;
        settings.check_date = false;
        setting.options.settings = settings;
        REQUIRE(setting.obtain({"kernel"}));
    }
}
