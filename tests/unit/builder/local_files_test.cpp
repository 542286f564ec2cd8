#include "builder/image/local_files.hpp"

#include "builder/image/lock_profile.hpp"
#include "builder/image/repositories.hpp"
#include "builder/local_file.hpp"
#include "tests/unit/builder/build_site.hpp"

using namespace osiekit;
using namespace osiekit::builder;
using namespace osiekit::builder::test;

namespace {

Status read_all_of(LocalFile& file, std::string& bytes) {
    bytes.clear();
    return file.read([&](std::string_view piece) {
        bytes += piece;
        return Status();
    });
}

Result<LocatedPackage> fetch_file(Repositories& repositories, const std::string& path,
                                  const std::function<void()>& between) {
    PackageQuery query;
    query.system = PackageSystem::file;
    query.packages = {{path, "p.yaml:1"}};
    OSIEKIT_ASSIGN(auto packages, repositories.resolve(query));
    between();
    OSIEKIT_ASSIGN(packages, repositories.fetch(std::move(packages)));
    return packages.front();
}

}  // namespace

TEST_CASE("a local file gives the same bytes each time, or an error") {
    TempDir folder = TempDir::create().value();
    std::string old(3U << 20U, 'a');
    for (const std::string& other :
         {std::string(old.size(), 'b'), old + "a", old.substr(1), std::string()}) {
        spill(folder / "f", old);
        auto file = LocalFile::open(folder / "f");
        REQUIRE(file);
        std::string bytes;
        REQUIRE(read_all_of(**file, bytes));
        CHECK(bytes == old);
        CHECK((*file)->digest().value() == Sha256::of(old));
        REQUIRE(read_all_of(**file, bytes));
        spill(folder / "f", other);
        auto again = read_all_of(**file, bytes);
        REQUIRE_FALSE(again);
        CHECK(again.error().to_string() == (folder / "f").string() +
                                               " changed while it was read (hint: try again when "
                                               "nothing writes to it)");
        CHECK((*file)->digest().value() == Sha256::of(old));
        // The same bytes in another file do no harm.
        spill(folder / "f", old);
        CHECK(read_all_of(**file, bytes));
    }
}

TEST_CASE("a local file that has been at rest is read as often as wanted") {
    auto file = LocalFile::open("/proc/self/exe");
    REQUIRE(file);
    std::string bytes;
    for (int i = 0; i < 3; ++i) {
        REQUIRE(read_all_of(**file, bytes));
        CHECK(Sha256::of(bytes) == (*file)->digest().value());
    }
}

TEST_CASE("who takes the same file or tree has the same content") {
    TempDir folder = TempDir::create().value();
    std::filesystem::create_directories(folder / "tree");
    spill(folder / "tree/f", "one");
    LocalFiles local;
    CHECK(local.file(folder / "tree/f")->digest().value() == Sha256::of("one"));
    TreeSpec spec;
    spec.source = folder / "tree";
    spec.path = "opt";
    spec.where = "p.yaml:1";
    Sha256 before = local.tree_digest(spec).value();
    spill(folder / "tree/f", "two");
    spill(folder / "tree/g", "more");
    CHECK(local.tree_digest(spec).value() == before);
    CHECK(local.tree(spec)->tree.find("opt/g") == nullptr);
    CHECK_FALSE(local.file(folder / "tree/f")->load());
    CHECK(LocalFiles().tree_digest(spec).value() != before);
    CHECK_FALSE(local.file(folder / "none"));
}

TEST_CASE("what was hashed for a lock and is another file when it is packed fails the build") {
    const std::string more =
        "files: [{path: /etc/motd, source: motd}]\ntrees: [{source: tree, path: /opt}]\n";
    for (const char* victim : {"motd", "tree/f", "programs/tink-worker"}) {
        BuildSite site;
        std::filesystem::create_directories(site.folder / "tree");
        spill(site.folder / "tree/f", "content");
        spill(site.folder / "p.yaml", BuildSite::text(more));
        auto profile = load_profile(site.folder / "p.yaml");
        REQUIRE(profile);
        auto local = std::make_shared<LocalFiles>();
        LockInputs inputs = lock_inputs(*profile, site.options.programs, 0, *local).value();
        site.options.local = local;
        auto image = build_image(*profile, site.options);
        if (!image) FAIL(image.error().to_string());
        CHECK(image->inputs == inputs);
        std::filesystem::remove_all(site.options.out);
        std::string bytes = slurp(site.folder / victim);
        bytes.back() = static_cast<char>(bytes.back() ^ 1);
        spill(site.folder / victim, bytes);
        site.options.mtime = 1;  // the cache has nothing of this time
        INFO(victim);
        image = build_image(*profile, site.options);
        REQUIRE_FALSE(image);
        CHECK(image.error().to_string().find(std::string(victim) + " changed while it was read") !=
              std::string::npos);
        CHECK_FALSE(std::filesystem::exists(site.options.out / "manifest.json"));
    }
}

TEST_CASE("a package that is named by path is built from a copy of the bytes that were hashed") {
    TempDir folder = TempDir::create().value();
    std::filesystem::path file = make_deb(folder.path(), {"tool", "1", {{"usr/tool", "x"}}});
    std::string bytes = slurp(file);
    Repositories::Options options;
    options.cache = folder / "cache";
    Repositories repositories(options);
    auto taken = fetch_file(repositories, file.string(), [] {});
    if (!taken) FAIL(taken.error().to_string());
    CHECK(taken->location == file.string());
    CHECK(taken->digest == Sha256::of(bytes));
    CHECK(slurp(taken->file) == bytes);
    CHECK(taken->file.string().find((folder / "cache").string()) == 0);
    // From the cache the second time, whatever the file is by then.
    taken = fetch_file(repositories, file.string(), [&] { std::filesystem::remove(file); });
    REQUIRE(taken);
    CHECK(slurp(taken->file) == bytes);
    spill(file, bytes + "\n");
    taken = fetch_file(repositories, file.string(), [&] { spill(file, bytes + "."); });
    REQUIRE_FALSE(taken);
    CHECK(taken.error().kind() == ErrorKind::digest);
}
