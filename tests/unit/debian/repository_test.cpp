#include "builder/debian/repository.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <future>
#include <mutex>

#include "builder/debian/deb.hpp"
#include "builder/debian/release.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "lib/base/text.hpp"
#include "tests/unit/debian/repository_setting.hpp"
#include "tests/unit/packages/obtain.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace fs = std::filesystem;

TEST_CASE("packages come from a signed repository, verified, with their files") {
    RepositorySetting setting;
    auto located = setting.obtain({"kernel"}, Dependencies::pattern("kernel-")).value();
    REQUIRE(located.size() == 2);
    CHECK(located[0].name == "kernel");
    CHECK(located[0].version == "6.1-1");
    CHECK(located[0].architecture == "amd64");
    CHECK(located[0].url == setting.server.url("/debian/pool/main/kernel_6.1-1_amd64.deb"));
    CHECK(Sha256::of_file(located[1].file).value() == located[1].digest);
    CHECK(fs::file_size(located[1].file) == located[1].size);
    std::string paths;
    REQUIRE(read_deb(located[1].file, [&](PackageFile&& file) {
        paths += file.path + " ";
        return Status();
    }));
    CHECK(paths == "usr usr/kernel-core ");
    CHECK(setting.names({"kernel"}, Dependencies::all()) ==
          "kernel 6.1-1;kernel-core 6.1-1;tool 2.0;");
    CHECK(setting.names({"tool", "kernel"}, Dependencies::none()) == "kernel 6.1-1;tool 2.0;");
}

TEST_CASE("a package that was damaged behind its stamp is fetched anew") {
    RepositorySetting setting;
    auto located = setting.obtain({"tool"}).value();
    fs::path file = located[0].file;
    std::string content = read_file(file).value();
    std::size_t fetched = setting.server.count("/pool/");
    REQUIRE(setting.obtain({"tool"}));
    CHECK(setting.server.count("/pool/") == fetched);  // the stamp is believed
    struct stat before {};
    REQUIRE(::stat(file.c_str(), &before) == 0);
    // The next tick of the kernel's clock, that is: a write that the change time shows.
    timespec now{};
    do {
        REQUIRE(::clock_gettime(CLOCK_REALTIME_COARSE, &now) == 0);
    } while (now.tv_sec == before.st_ctim.tv_sec && now.tv_nsec <= before.st_ctim.tv_nsec);
    fs::permissions(file, fs::perms::owner_write, fs::perm_options::add);
    {
        Fd fd = open_file(file, O_WRONLY).value();
        char other = static_cast<char>(content[content.size() / 2] ^ 1);
        REQUIRE(::pwrite(fd.get(), &other, 1, static_cast<off_t>(content.size() / 2)) == 1);
        timespec times[2] = {before.st_atim, before.st_mtim};
        REQUIRE(::futimens(fd.get(), times) == 0);
    }
    located = setting.obtain({"tool"}).value();
    CHECK(read_file(located[0].file).value() == content);
    CHECK(setting.server.count("/pool/") == fetched + 1);
}

TEST_CASE("a package is told of as soon as it is here, not when all are") {
    RepositorySetting setting;
    std::promise<void> told;
    TestServer::Fault withheld;
    bool in_time = false;
    withheld.before = [&] {
        constexpr std::chrono::seconds patience{120};  // only a defect lets it wait
        in_time = told.get_future().wait_for(patience) == std::future_status::ready;
    };
    setting.server.fail("/debian/pool/main/tool_2.0_amd64.deb", withheld);
    auto repository = DebianRepository::open(setting.options).value();
    std::mutex mutex;
    std::string order;
    FetchWatch watch;
    watch.arrived = [&](const LocatedPackage& package) -> Status {
        std::lock_guard lock(mutex);
        CHECK(Sha256::of_file(package.file).value() == package.digest);
        if (order.empty()) told.set_value();
        order += package.name + " ";
        return {};
    };
    PackageQuery query =
        query_of(PackageSystem::debian, {"kernel-core", "tool"}, Dependencies::none());
    REQUIRE(obtain(*repository, query, watch));
    CHECK(in_time);
    CHECK(order == "kernel-core tool ");
    // From the cache too.
    order = "x ";
    REQUIRE(obtain(*repository, query, watch));
    CHECK(order == "x kernel-core tool ");
    watch.arrived = [](const LocatedPackage&) { return Status(Error(ErrorKind::limit, "enough")); };
    CHECK(obtain(*repository, query, watch).error().message() == "enough");
    setting.options.cache = setting.root / "another cache";
    repository = DebianRepository::open(setting.options).value();
    watch.arrived = nullptr;
    watch.cancelled = [] { return true; };
    CHECK(obtain(*repository, query, watch).error().kind() == ErrorKind::cancelled);
}

TEST_CASE("a warm run asks nobody; after a while the release is asked for again, cheaply") {
    RepositorySetting setting;
    REQUIRE(setting.obtain({"kernel"}));
    std::size_t cold = setting.server.seen().size();
    CHECK(cold == 3);  // InRelease, the index by its digest, the package
    setting.now += 4 * minute;
    REQUIRE(setting.obtain({"kernel"}));
    CHECK(setting.server.seen().size() == cold);
    setting.now += 2 * minute;
    REQUIRE(setting.obtain({"kernel"}));
    REQUIRE(setting.server.seen().size() == cold + 1);
    CHECK(setting.server.seen().back().status == 304);
    setting.options.refresh = true;
    REQUIRE(setting.obtain({"kernel"}));
    CHECK(setting.server.seen().size() == cold + 2);
}

TEST_CASE("an update of the mirror is seen after the interval or with refresh") {
    RepositorySetting setting;
    REQUIRE(setting.obtain({"tool"}));
    setting.mirror.add({"tool", "2.1"});
    setting.mirror.date = "Sat, 14 Nov 2026 11:00:00 UTC";
    setting.mirror.publish();
    CHECK(setting.names({"tool"}, Dependencies::none()) == "tool 2.0;");
    setting.options.refresh = true;
    CHECK(setting.names({"tool"}, Dependencies::none()) == "tool 2.1;");
}

TEST_CASE("a mirror that is behind does not take us back") {
    RepositorySetting setting;
    setting.mirror.add({"tool", "2.1"});
    setting.mirror.publish();
    REQUIRE(setting.obtain({"tool"}));
    setting.mirror.clear();
    setting.mirror.add({"tool", "2.0"});
    setting.mirror.date = "Fri, 13 Nov 2026 10:00:00 UTC";
    setting.mirror.publish();
    setting.options.refresh = true;
    CHECK(setting.names({"tool"}, Dependencies::none()) == "tool 2.1;");
}

TEST_CASE("an index that has moved on since the last look is looked up anew") {
    RepositorySetting setting;
    setting.mirror.by_hash = GENERATE(true, false);
    setting.mirror.publish();
    REQUIRE(setting.obtain({"tool"}));
    // The package was replaced in the pool, and the release is younger than the interval.
    setting.mirror.clear();
    setting.mirror.add({"kernel", "6.1-2"});
    setting.mirror.date = "Sat, 14 Nov 2026 11:00:00 UTC";
    setting.mirror.publish();
    setting.server.remove("/debian/pool/main/kernel_6.1-1_amd64.deb");
    CHECK(setting.names({"kernel"}, Dependencies::none()) == "kernel 6.1-2;");
}

TEST_CASE("offline from the cache, and offline without one") {
    RepositorySetting setting;
    setting.options.offline = true;
    Error failed = setting.failure({"kernel"});
    CHECK(failed.kind() == ErrorKind::not_found);
    CHECK(contains(failed, "--offline"));
    CHECK(setting.server.seen().empty());
    setting.options.offline = false;
    REQUIRE(setting.obtain({"kernel"}));
    std::size_t before = setting.server.seen().size();
    setting.options.offline = true;
    setting.now += 90 * day;
    REQUIRE(setting.obtain({"kernel"}));
    CHECK(contains(setting.failure({"tool"}), "tool 2.0 is not in the cache"));
    CHECK(setting.server.seen().size() == before);
}

TEST_CASE("a damaged entry of the cache is fetched again") {
    RepositorySetting setting;
    auto first = setting.obtain({"kernel"}).value();
    std::size_t before = setting.server.seen().size();
    REQUIRE(write_file(first[0].file, "nonsense"));
    auto second = setting.obtain({"kernel"}).value();
    CHECK(Sha256::of_file(second[0].file).value() == second[0].digest);
    CHECK(setting.server.seen().size() == before + 1);
    // The other kept files are no less replaceable.
    for (const char* folder : {"releases", "indexes", "resolved"})
        for (const auto& entry : fs::directory_iterator(setting.root / "cache" / folder))
            REQUIRE(write_file(entry.path(), "nonsense"));
    CHECK(setting.names({"kernel"}, Dependencies::none()) == "kernel 6.1-1;");
}

TEST_CASE("a mirror in trouble") {
    RepositorySetting setting;
    std::string release = "/debian/dists/bookworm/InRelease";
    std::string package = "/debian/pool/main/kernel_6.1-1_amd64.deb";
    SECTION("it has no such suite") {
        setting.server.remove(release);
        Error failed = setting.failure({"kernel"});
        CHECK(failed.kind() == ErrorKind::not_found);
        CHECK(contains(failed, "m.sources:1"));
    }
    SECTION("it has no such package file") {
        setting.server.remove(package);
        Error failed = setting.failure({"kernel"});
        CHECK(failed.kind() == ErrorKind::not_found);
        CHECK(contains(failed, package));
    }
    SECTION("it stays broken") {
        setting.server.fail(release, {.status = 500}, 10);
        CHECK(setting.failure({"kernel"}).kind() == ErrorKind::network);
        CHECK(setting.server.seen().size() == 4);
    }
    SECTION("it is down") {
        REQUIRE(setting.obtain({"kernel"}));
        std::string gone;
        {
            TestServer other;
            gone = other.url("/debian");
        }
        REQUIRE(write_file(setting.root / "etc/apt/sources.list.d/m.sources",
                           "Types: deb\nURIs: " + gone +
                               "\nSuites: bookworm\nComponents: main\nSigned-By: "
                               "/etc/apt/keyrings/a.gpg\n"));
        Error failed = setting.failure({"kernel"});
        CHECK(failed.kind() == ErrorKind::network);
        CHECK(contains(failed, gone));
    }
    SECTION("it brings nothing for longer than apt's timeout") {
        AptSettings settings;
        settings.timeout = std::chrono::seconds(1);
        setting.options.settings = settings;
        setting.options.retry.attempts = 1;
        std::promise<void> given_up;
        std::shared_future<void> waiting = given_up.get_future().share();
        bool late = GENERATE(false, true);
        const std::string& path = late ? package : release;
        setting.server.fail(path, {.before = [waiting] { waiting.wait(); }});
        Error failed = setting.failure({"kernel"});
        given_up.set_value();
        CHECK(failed.kind() == ErrorKind::network);
        CHECK(contains(failed, path));
        REQUIRE(setting.obtain({"kernel"}));
    }
    SECTION("it recovers") {
        setting.server.fail(release, {.status = 500}, 2);
        setting.server.fail(setting.mirror.index_path(), {.cut_after = 30});
        setting.server.fail(package, {.status = 502});
        setting.server.fail(package, {.cut_after = 100});
        REQUIRE(setting.obtain({"kernel"}));
        CHECK(setting.server.seen().back().range == "bytes=100-");
    }
    SECTION("it serves another suite") {
        setting.server.put("/debian/dists/bookworm-updates/InRelease", setting.server.get(release));
        setting.configure("Signed-By: /etc/apt/keyrings/a.gpg\n\nTypes: deb\nURIs: " +
                          setting.server.url("/debian") +
                          "\nSuites: bookworm-updates\nComponents: main\nSigned-By: "
                          "/etc/apt/keyrings/a.gpg\n");
        Error failed = setting.failure({"kernel"});
        CHECK(failed.kind() == ErrorKind::refused);
        CHECK(contains(failed, "bookworm-updates"));
    }
}

TEST_CASE("the newest candidate over all suites of the release, and of no other") {
    RepositorySetting setting;
    TestRepository security(setting.server, archive_key());
    security.suite = "bookworm-security";
    security.add({"tool", "2.0+deb12u1"});
    security.publish();
    TestRepository vendor(setting.server, archive_key());
    vendor.suite = "nodistro";
    vendor.add({"tool", "99"});
    vendor.publish();
    std::string more;
    for (const char* suite : {"bookworm-security", "nodistro"})
        more += "\nTypes: deb\nURIs: " + setting.server.url("/debian") + "\nSuites: " + suite +
                "\nComponents: main\nSigned-By: /etc/apt/keyrings/a.gpg\n";
    setting.configure("Signed-By: /etc/apt/keyrings/a.gpg\n" + more);
    CHECK(setting.names({"tool"}, Dependencies::none()) == "tool 2.0+deb12u1;");
    CHECK(setting.server.count("nodistro") == 0);
    setting.options.release = "nodistro";
    CHECK(setting.names({"tool"}, Dependencies::none()) == "tool 99;");
}

TEST_CASE("questions that have no answer") {
    RepositorySetting setting;
    Error unknown = setting.failure({"kernle"});
    CHECK(unknown.kind() == ErrorKind::not_found);
    CHECK(contains(unknown, "did you mean \"kernel\"?"));
    setting.mirror.add({"top", "1", "middle"});
    setting.mirror.add({"middle", "3", "libgone (>= 2)"});
    setting.mirror.publish();
    setting.options.refresh = true;
    CHECK(contains(setting.failure({"top"}, Dependencies::all()),
                   "package libgone (>= 2) does not exist in the configured sources: top was asked "
                   "for -> top 1 depends on middle -> middle 3 depends on libgone (>= 2)"));
    setting.options.architecture = "arm64";
    CHECK(contains(setting.failure({"kernel"}), "architectures all amd64"));
    setting.options.architecture = "amd64";
    setting.options.release = "trixie";
    CHECK(contains(setting.failure({"kernel"}), "no package source of release \"trixie\""));
}

TEST_CASE("cancelling a repository") {
    RepositorySetting setting;
    setting.options.cancelled = [] { return true; };
    CHECK(setting.failure({"kernel"}).kind() == ErrorKind::cancelled);
}
