#include <fcntl.h>
#include <sys/stat.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "lib/oci/image_store.hpp"
#include "tests/unit/oci/tar_builder.hpp"

using namespace osiekit;
using namespace osiekit::oci;
namespace fs = std::filesystem;

namespace {

std::string layer_of(const std::string& name, std::size_t size = 10) {
    return TarBuilder().file(name, std::string(size, 'x')).finish();
}

// Images of plain layers, in memory.
class Source : public ImageSource {
  public:
    std::function<Status(const Descriptor&)> before_blob;  // of layers
    std::function<void(const Descriptor&)> after_blob;
    std::function<Status(const Descriptor&, const BlobSink&)> wait_in_blob;  // of layers
    std::map<ContentDigest, int> fetched;

    void add(const std::string& tag, const std::vector<std::string>& layers) {
        std::string diff_ids;
        std::string descriptors;
        for (const std::string& layer : layers) {
            auto digest = put(layer);
            layers_.insert(digest);
            diff_ids += (diff_ids.empty() ? "\"" : ",\"") + digest.oci() + "\"";
            descriptors += std::string(descriptors.empty() ? "" : ",") + R"({"digest":")" +
                           digest.oci() + R"(","size":)" + std::to_string(layer.size()) + "}";
        }
        std::string config = R"({"os":"linux","architecture":")" + Platform::host().architecture +
                             R"(","rootfs":{"type":"layers","diff_ids":[)" + diff_ids + "]}}";
        documents_[tag] = R"({"schemaVersion":2,"mediaType":")" + std::string(media_type_manifest) +
                          R"(","config":{"digest":")" + put(config).oci() + R"(","size":)" +
                          std::to_string(config.size()) + R"(},"layers":[)" + descriptors + "]}";
    }
    Result<FetchedDocument> fetch_document(const Reference&, const std::string& name) override {
        const std::string& bytes = documents_.at(name);
        return FetchedDocument{bytes, std::string(media_type_manifest), ContentDigest::of(bytes)};
    }
    Status fetch_blob(const Reference&, const Descriptor& blob, const BlobSink& sink) override {
        bool layer = layers_.count(blob.digest) != 0;
        if (layer) {
            {
                std::lock_guard lock(mutex_);
                ++fetched[blob.digest];
            }
            if (before_blob) OSIEKIT_TRY(before_blob(blob));
            if (wait_in_blob) OSIEKIT_TRY(wait_in_blob(blob, sink));
        }
        std::string_view rest = blobs_.at(blob.digest);
        while (!rest.empty()) {
            OSIEKIT_TRY(sink.on_data(rest.substr(0, 1000)));
            rest.remove_prefix(std::min<std::size_t>(rest.size(), 1000));
        }
        if (layer && after_blob) after_blob(blob);
        return {};
    }

  private:
    ContentDigest put(const std::string& bytes) {
        auto digest = ContentDigest::of(bytes);
        blobs_[digest] = bytes;
        return digest;
    }
    std::mutex mutex_;
    std::map<std::string, std::string> documents_;
    std::map<ContentDigest, std::string> blobs_;
    std::set<ContentDigest> layers_;
};

struct Store {
    TempDir directory = TempDir::create("store").value();
    ImageStore store = ImageStore::open(directory / "store").value();

    Result<StoredImage> pull(Source& source, const std::string& tag,
                             std::uint64_t budget = 1U << 30U) {
        return store.pull(source, Reference::parse("r.example/a:" + tag).value(), Platform::host(),
                          [&] { return budget; });
    }
    bool has(const std::string& layer) const { return store.has_layer(ContentDigest::of(layer)); }
    bool nothing_under_way() const { return fs::is_empty(store.root() / "tmp"); }
    void used_at(const std::string& layer, std::int64_t use) const {
        std::array<timespec, 2> times = {timespec{use, 0}, timespec{use, 0}};
        auto record = store.root() / "uses" / ContentDigest::of(layer).hex();
        REQUIRE(::utimensat(AT_FDCWD, record.c_str(), times.data(), 0) == 0);
    }
};

}  // namespace

TEST_CASE("layers are fetched several at once, but not all of many") {
    Source source;
    std::vector<std::string> layers;
    for (int i = 0; i < 8; ++i) layers.push_back(layer_of("f" + std::to_string(i)));
    source.add("many", layers);
    std::mutex mutex;
    std::condition_variable changed;
    std::size_t together = 0;
    std::size_t most = 0;
    bool met = false;
    // The first ones wait for each other.
    source.before_blob = [&](const Descriptor&) -> Status {
        std::unique_lock lock(mutex);
        most = std::max(most, ++together);
        met = met || together == max_parallel_layers;
        changed.notify_all();
        if (!changed.wait_for(lock, std::chrono::seconds(60), [&] { return met; }))
            return Error(ErrorKind::internal, "no other layer came");
        return {};
    };
    source.after_blob = [&](const Descriptor&) {
        std::lock_guard lock(mutex);
        --together;
    };
    Store store;
    auto stored = store.pull(source, "many");
    INFO((stored ? std::string() : stored.error().to_string()));
    REQUIRE(stored);
    REQUIRE(most == max_parallel_layers);
    // In the image's order, whichever came first.
    for (std::size_t i = 0; i < layers.size(); ++i)
        REQUIRE(fs::exists(stored->layers[i] / ("f" + std::to_string(i))));
}

TEST_CASE("a layer that an image names twice, or two images name, comes once") {
    Source source;
    std::string base = layer_of("base");
    source.add("one", {base, layer_of("one"), base, base});
    source.add("two", {base, layer_of("two")});
    Store store;
    REQUIRE(store.pull(source, "one").value().layers.size() == 4);
    REQUIRE(store.pull(source, "two"));
    for (const auto& [digest, times] : source.fetched) REQUIRE(times == 1);
    REQUIRE(source.fetched.size() == 3);
}

TEST_CASE("nothing is visible before its digest is right, and nothing is left of what failed") {
    Source source;
    std::string good = layer_of("good");
    std::string bad = layer_of("bad", 100000);
    source.add("image", {good, bad});
    Store store;
    std::atomic<int> early = 0;
    source.after_blob = [&](const Descriptor& blob) {
        // All bytes have been given; their digest has not been judged.
        if (store.store.has_layer(blob.digest)) ++early;
    };
    REQUIRE(store.pull(source, "image"));
    REQUIRE(early == 0);
    Store other;
    source.after_blob = {};
    source.before_blob = [&](const Descriptor& blob) -> Status {
        if (blob.digest == ContentDigest::of(good)) return {};
        return Error(ErrorKind::digest, "other bytes");
    };
    auto failed = other.pull(source, "image");
    REQUIRE(failed.error().kind() == ErrorKind::digest);
    REQUIRE(failed.error().message() == "other bytes");
    REQUIRE_FALSE(other.has(bad));
    REQUIRE(other.nothing_under_way());
}

TEST_CASE("the layers of an image share one budget") {
    Source source;
    std::string a = layer_of("a", 60000);
    std::string b = layer_of("b", 60000);
    source.add("image", {a, b});
    std::uint64_t both = a.size() + b.size();
    Store store;
    auto failed = store.pull(source, "image", both - 1);
    REQUIRE(failed.error().kind() == ErrorKind::limit);
    REQUIRE(store.nothing_under_way());
    Store other;
    REQUIRE(other.pull(source, "image", both));
}

TEST_CASE("eviction: what was used longest ago goes first, and only as much as is asked for") {
    Source source;
    std::vector<std::string> layers = {layer_of("a"), layer_of("b"), layer_of("c")};
    std::uint64_t size = layers[0].size();
    source.add("all", layers);
    source.add("b", {layers[1]});
    Store store;
    REQUIRE(store.pull(source, "all"));
    store.used_at(layers[0], 1000);
    store.used_at(layers[1], 500);
    store.used_at(layers[2], 2000);
    const std::int64_t later = 3000;
    REQUIRE(store.store.evict(3 * size, later).value() == 0);
    REQUIRE(store.store.evict(3 * size - 1, later).value() == size);
    REQUIRE_FALSE(store.has(layers[1]));
    // Used again, it is the newest.
    REQUIRE(store.pull(source, "b"));
    REQUIRE(store.store.evict(2 * size, later).value() == size);
    REQUIRE(store.has(layers[1]));
    REQUIRE_FALSE(store.has(layers[0]));
    REQUIRE(store.has(layers[2]));
    REQUIRE(store.store.next_use() == 2002);
    // What is used then or later stays, whatever the budget.
    REQUIRE(store.store.evict(0, 2000).value() == 0);
    REQUIRE(store.store.evict(0, 2001).value() == size);
    REQUIRE(store.has(layers[1]));
    REQUIRE(fs::exists(store.store.root() / "uses" / ContentDigest::of(layers[1]).hex()));
    REQUIRE_FALSE(fs::exists(store.store.root() / "uses" / ContentDigest::of(layers[2]).hex()));
    REQUIRE(store.nothing_under_way());
}

TEST_CASE("eviction: a pull protects its layers from then on; one without a record goes") {
    Source source;
    std::string old = layer_of("old");
    std::string fresh = layer_of("fresh");
    source.add("old", {old});
    source.add("fresh", {fresh});
    Store store;
    REQUIRE(store.pull(source, "old"));
    std::int64_t start = store.store.next_use();
    REQUIRE(store.pull(source, "fresh"));
    REQUIRE(store.store.evict(0, start).value() == old.size());
    REQUIRE(store.has(fresh));
    fs::remove(store.store.root() / "uses" / ContentDigest::of(fresh).hex());
    REQUIRE(store.store.evict(1U << 30U, store.store.next_use()));
    REQUIRE_FALSE(store.has(fresh));
}

TEST_CASE("a removal that was interrupted leaves no half a layer") {
    Source source;
    std::string layer = layer_of("a");
    source.add("a", {layer});
    Store store;
    auto path = store.pull(source, "a").value().layers[0];
    // As remove_layer() has it for a moment.
    fs::rename(path, store.store.root() / "tmp" / ("removed-" + path.filename().string()));
    auto again = ImageStore::open(store.store.root()).value();
    REQUIRE_FALSE(again.has_layer(ContentDigest::of(layer)));
    REQUIRE(store.nothing_under_way());
    REQUIRE(store.pull(source, "a"));
    REQUIRE(store.has(layer));
}

TEST_CASE("eviction goes by the order of use, whatever the clock says") {
    Source source;
    std::vector<std::string> layers = {layer_of("a"), layer_of("b"), layer_of("c")};
    for (std::size_t i = 0; i < layers.size(); ++i) source.add(std::to_string(i), {layers[i]});
    Store store;
    for (const char* tag : {"0", "1", "2", "0"}) REQUIRE(store.pull(source, tag));
    // An earlier version noted moments; then come numbers behind them.
    store.used_at(layers[2], 1700000000);
    REQUIRE(store.pull(source, "1"));
    REQUIRE(store.store.next_use() == 1700000002);
    REQUIRE(store.store.evict(2 * layers[0].size(), store.store.next_use()));
    REQUIRE_FALSE(store.has(layers[0]));
    REQUIRE(store.has(layers[1]));
    REQUIRE(store.has(layers[2]));
}

TEST_CASE("a layer that fails ends the others at once") {
    Source source;
    // The first waits for nothing but being unwanted, as behind a registry that says no more.
    std::string stuck = layer_of("stuck");
    std::string broken = layer_of("broken");
    source.add("two", {stuck, broken});
    std::atomic<bool> waits = false;
    source.wait_in_blob = [&](const Descriptor& blob, const BlobSink& sink) -> Status {
        if (blob.digest != ContentDigest::of(stuck)) {
            while (!waits) std::this_thread::yield();
            return Error(ErrorKind::network, "gone");
        }
        waits = true;
        while (!sink.cancelled()) std::this_thread::yield();
        return Error(ErrorKind::cancelled, "not wanted");
    };
    Store store;
    auto failed = store.pull(source, "two");
    REQUIRE(failed.error().to_string().find("gone") != std::string::npos);
    REQUIRE(store.nothing_under_way());
}
