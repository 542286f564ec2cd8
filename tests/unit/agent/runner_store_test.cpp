// Actions one after the other in a store that has no room for two images: the whole way from the
// registry to the program's end, with a file system of its own. Needs root.
#include <fcntl.h>
#include <sys/mount.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <map>

#include "agent/action_runner.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "tests/unit/oci/scripted_server.hpp"
#include "tests/unit/oci/tar_builder.hpp"

using namespace osiekit;
using namespace osiekit::agent;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t mib = 1U << 20U;
constexpr std::size_t image_bytes = 7 * mib;
// A file of one byte is 1 KiB of an archive, and a page of memory: so many of them fit by their
// size, and not by what they take.
constexpr int small_files = 2400;
constexpr const char* store_size = "size=16m";

TarBuilder with_probe() {
    auto probe = read_file(fs::path(OSIEKIT_BIN_DIR) / "agent_test_probe");
    REQUIRE(probe);
    return TarBuilder().file("probe", *probe, 0755);
}

// A registry with images of one layer each.
class Images {
  public:
    void add(const std::string& name, const TarBuilder& tar) {
        std::string layer = tar.finish();
        std::string config = R"({"os":"linux","architecture":")" +
                             oci::Platform::host().architecture +
                             R"(","config":{"Entrypoint":["/probe"]},"rootfs":{"diff_ids":[")" +
                             Sha256::of(layer).oci() + R"("]}})";
        std::string manifest = R"({"schemaVersion":2,"mediaType":")" +
                               std::string(oci::media_type_manifest) + R"(","config":)" +
                               blob(config) + R"(,"layers":[)" + blob(layer) + "]}";
        answers_["/v2/" + name + "/manifests/1"] = manifest;
    }
    const std::string& host() const { return server_.host(); }

  private:
    std::string blob(const std::string& bytes) {
        std::string digest = Sha256::of(bytes).oci();
        blobs_[digest] = bytes;
        return R"({"digest":")" + digest + R"(","size":)" + std::to_string(bytes.size()) + "}";
    }
    std::string answer(const std::string& request) const {
        std::size_t space = request.find(' ');
        std::string path = request.substr(space + 1, request.find(' ', space + 1) - space - 1);
        if (auto found = answers_.find(path); found != answers_.end())
            return ScriptedServer::answer(
                200, "Content-Type: " + std::string(oci::media_type_manifest) + "\r\n",
                found->second);
        auto found = blobs_.find(path.substr(path.rfind('/') + 1));
        return found == blobs_.end() ? ScriptedServer::answer(404, "", "")
                                     : ScriptedServer::answer(200, "", found->second);
    }
    std::map<std::string, std::string> answers_;
    std::map<std::string, std::string> blobs_;
    ScriptedServer server_{[this](const std::string& request) { return answer(request); }};
};

struct Machine {
    TempDir directory = TempDir::create("runner").value();
    Settings settings;
    StopSignal never;
    Fd log_file = open_file(directory / "log", O_RDWR | O_CREAT, 0600).value();

    explicit Machine(const Images& images) {
        settings.store = directory / "store";
        settings.journal = directory / "journal";
        settings.insecure_registries = {images.host()};
        fs::create_directory(settings.store);
        REQUIRE(Journal::open(settings.journal));
        // Last: who throws after it would leave it mounted.
        REQUIRE(::mount("tmpfs", settings.store.c_str(), "tmpfs", 0, store_size) == 0);
    }
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;
    ~Machine() { ::umount2(settings.store.c_str(), MNT_DETACH); }

    Logger log() const {
        Logger::Options options;
        options.fd = log_file.get();
        return Logger(options);
    }
    std::string said() const { return read_file(directory / "log").value(); }
    std::size_t layers() const {
        return static_cast<std::size_t>(std::distance(
            fs::directory_iterator(settings.store / "images/layers"), fs::directory_iterator()));
    }
};

Action action_of(const Images& images, const std::string& workflow, const std::string& name) {
    Action action;
    action.workflow_id = workflow;
    action.action_id = workflow + "-" + name;
    action.name = name;
    action.image = images.host() + "/" + name + ":1";
    action.command = {"print:done"};
    action.timeout = std::chrono::hours(1);
    return action;
}

}  // namespace

TEST_CASE("what earlier actions have left gives way to an image that needs the room") {
    Images images;
    for (const char* name : {"first", "second"})
        images.add(name, with_probe().file(name, std::string(image_bytes, name[0])));
    TarBuilder many = with_probe();
    for (int i = 0; i < small_files; ++i) many.file("small/" + std::to_string(i), "x");
    images.add("many", many);
    images.add("too-large", with_probe().file("large", std::string(3 * image_bytes, 'l')));
    Machine machine(images);
    auto log = machine.log();
    auto runner = ActionRunner::create(machine.settings, machine.never, log, Policy::compatible(),
                                       fs::path(OSIEKIT_BIN_DIR) / "tink-worker");
    REQUIRE(runner);
    auto run = [&](const std::string& workflow, const std::string& name) {
        auto outcome = runner->run(action_of(images, workflow, name));
        INFO(machine.said());
        INFO(outcome.message);
        return outcome.success();
    };
    CHECK(run("one", "first"));
    CHECK(machine.layers() == 1);
    // By its size it does not fit beside the first one.
    CHECK(run("one", "second"));
    CHECK(machine.layers() == 1);
    // By its size it does; the file system is full before all of it is there.
    CHECK(run("one", "many"));
    CHECK(machine.layers() == 1);
    // Nothing is left to give way, and nothing of it stays.
    auto refused = runner->run(action_of(images, "one", "too-large"));
    CHECK_FALSE(refused.success());
    CHECK(refused.message.find("more than") != std::string::npos);
    CHECK(machine.layers() == 0);
    CHECK(fs::is_empty(machine.settings.store / "images/tmp"));
    CHECK(run("one", "first"));
}

TEST_CASE("between workflows layers go that are beyond the budget") {
    Images images;
    for (const char* name : {"first", "second"})
        images.add(name, with_probe().file(name, std::string(mib, name[0])));
    Machine machine(images);
    auto log = machine.log();
    bool keeps = GENERATE(true, false);
    machine.settings.store_budget = keeps ? 15 * mib : 0;
    auto runner = ActionRunner::create(machine.settings, machine.never, log, Policy::compatible(),
                                       fs::path(OSIEKIT_BIN_DIR) / "tink-worker");
    REQUIRE(runner);
    REQUIRE(runner->run(action_of(images, "one", "first")).success());
    REQUIRE(runner->run(action_of(images, "one", "second")).success());
    REQUIRE(machine.layers() == 2);
    REQUIRE(runner->run(action_of(images, "two", "second")).success());
    REQUIRE(machine.layers() == (keeps ? 2 : 1));
}
