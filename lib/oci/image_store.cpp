#include "lib/oci/image_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <tuple>
#include <utility>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"
#include "lib/oci/implied_directories.hpp"
#include "lib/oci/layer_stream.hpp"
#include "lib/oci/tree_at.hpp"

namespace osiekit::oci {
namespace {

constexpr std::uint64_t max_use_bytes = 32;

Status make_directory(const std::filesystem::path& path, mode_t mode) {
    if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
        return Error::from_errno("making " + path.string());
    return {};
}

// What uses/<hex> says of a layer.
struct Use {
    std::filesystem::path layer;
    std::uint64_t bytes = 0;
    std::int64_t last = 0;  // of a layer without a record, which goes first
};

}  // namespace

struct ImageStore::Missing {
    Descriptor descriptor;
    ContentDigest diff_id;
    std::int64_t use = 0;
};

Status remove_directory(const std::filesystem::path& path) {
    OSIEKIT_ASSIGN(Fd parent, open_file(path.parent_path(), O_PATH | O_DIRECTORY));
    return remove_tree_at(parent.get(), path.filename()).context("removing " + path.string());
}

Result<ImageStore> ImageStore::open(const std::filesystem::path& root) {
    std::error_code failure;
    std::filesystem::create_directories(root.parent_path(), failure);
    OSIEKIT_TRY(make_directory(root, 0700));
    OSIEKIT_TRY(make_directory(root / "layers", 0700));
    OSIEKIT_TRY(make_directory(root / "uses", 0700));
    OSIEKIT_TRY(make_directory(root / "implied", 0700));
    OSIEKIT_TRY(remove_directory(root / "tmp"));
    OSIEKIT_TRY(make_directory(root / "tmp", 0700));
    return ImageStore(root);
}

std::filesystem::path ImageStore::layer_path(const ContentDigest& diff_id) const {
    return root_ / "layers" / diff_id.hex();
}

bool ImageStore::has_layer(const ContentDigest& diff_id) const {
    struct stat status {};
    return ::lstat(layer_path(diff_id).c_str(), &status) == 0;
}

Status ImageStore::fetch_layer(ImageSource& source, const Reference& reference,
                               const Missing& layer, const UnpackLimits& limits,
                               const std::function<bool()>& cancelled) {
    auto temporary = root_ / "tmp" / layer.diff_id.hex();
    OSIEKIT_TRY(remove_directory(temporary));
    OSIEKIT_TRY(make_directory(temporary, 0755));
    Status done = [&]() -> Status {
        OSIEKIT_ASSIGN(Fd directory, open_file(temporary, O_RDONLY | O_DIRECTORY));
        OSIEKIT_ASSIGN(auto unpacked,
                       stream_layer(source, reference, layer.descriptor, layer.diff_id,
                                    directory.get(), limits, cancelled));
        OSIEKIT_TRY(note_implied(layer_path(layer.diff_id), unpacked.implied));
        OSIEKIT_TRY(write_file(root_ / "uses" / layer.diff_id.hex(),
                               std::to_string(unpacked.tar_bytes), 0600));
        note_use(layer.diff_id, layer.use);
        return {};
    }();
    if (done && ::rename(temporary.c_str(), layer_path(layer.diff_id).c_str()) != 0)
        done = Error::from_errno("moving the layer to its place");
    if (!done) {
        // The first failure is the one to tell of.
        [[maybe_unused]] Status removed = remove_directory(temporary);
        return std::move(done).error().context("unpacking the layer " +
                                               layer.descriptor.digest.oci());
    }
    return {};
}

Status ImageStore::fetch_layers(ImageSource& source, const Reference& reference,
                                const std::vector<Missing>& layers, std::uint64_t budget) {
    ByteBudget bytes(budget);
    UnpackLimits limits;
    limits.budget = &bytes;
    std::atomic<std::size_t> next = 0;
    std::atomic<bool> failed = false;
    std::mutex mutex;
    std::optional<Error> first;
    auto work = [&] {
        for (std::size_t i = next++; i < layers.size() && !failed; i = next++) {
            auto fetched =
                fetch_layer(source, reference, layers[i], limits, [&] { return failed.load(); });
            if (fetched) continue;
            std::lock_guard lock(mutex);
            // Later failures may only follow from the first.
            if (!failed.exchange(true)) first = std::move(fetched).error();
        }
    };
    std::vector<std::thread> helpers;
    for (std::size_t i = 1; i < std::min(max_parallel_layers, layers.size()); ++i)
        helpers.emplace_back(work);
    work();
    for (std::thread& helper : helpers) helper.join();
    if (first) return *std::move(first);
    return {};
}

Result<StoredImage> ImageStore::pull(ImageSource& source, const Reference& reference,
                                     const Platform& platform,
                                     const std::function<std::uint64_t()>& budget,
                                     const Admit& admit) {
    auto resolved =
        source.resolve(reference, platform).context("reading the image " + reference.to_string());
    if (!resolved) return std::move(resolved).error();
    if (admit) OSIEKIT_TRY(admit(*resolved, source));
    StoredImage stored{std::move(*resolved), {}};
    std::vector<Missing> missing;
    std::set<ContentDigest> seen;
    std::int64_t use = next_use();
    for (std::size_t i = 0; i < stored.image.manifest.layers.size(); ++i) {
        const ContentDigest& diff_id = stored.image.config.diff_ids[i];
        stored.layers.push_back(layer_path(diff_id));
        // Layers that are there already are in use from now on.
        note_use(diff_id, use);
        if (seen.insert(diff_id).second && !has_layer(diff_id))
            missing.push_back({stored.image.manifest.layers[i], diff_id, use});
    }
    if (!missing.empty())
        OSIEKIT_TRY(fetch_layers(source, reference, missing, budget())
                        .context("pulling the image " + reference.to_string()));
    return stored;
}

// Under another name first: half a layer must not look like a whole one.
Status ImageStore::remove_layer(const std::filesystem::path& path) {
    auto leaving = root_ / "tmp" / ("removed-" + path.filename().string());
    OSIEKIT_TRY(remove_directory(leaving));
    if (::rename(path.c_str(), leaving.c_str()) != 0)
        return Error::from_errno("removing the layer " + path.string());
    OSIEKIT_TRY(remove_directory(leaving));
    std::error_code failure;
    std::filesystem::remove(root_ / "uses" / path.filename(), failure);
    std::filesystem::remove(implied_record(path), failure);
    return {};
}

// A failure makes the layer look older than it is; it then comes again.
void ImageStore::note_use(const ContentDigest& diff_id, std::int64_t use) const {
    std::array<timespec, 2> times = {timespec{use, 0}, timespec{use, 0}};
    ::utimensat(AT_FDCWD, (root_ / "uses" / diff_id.hex()).c_str(), times.data(), 0);
}

std::int64_t ImageStore::next_use() const {
    std::int64_t last = 0;
    std::error_code failure;
    for (const auto& entry : std::filesystem::directory_iterator(root_ / "uses", failure)) {
        struct stat status {};
        if (::stat(entry.path().c_str(), &status) == 0)
            last = std::max<std::int64_t>(last, status.st_mtim.tv_sec);
    }
    return last + 1;
}

Result<std::uint64_t> ImageStore::evict(std::uint64_t keep_bytes, std::int64_t used_before) {
    std::error_code failure;
    std::vector<Use> uses;
    std::uint64_t total = 0;
    for (const auto& entry : std::filesystem::directory_iterator(root_ / "layers", failure)) {
        Use use;
        use.layer = entry.path();
        auto record = root_ / "uses" / entry.path().filename();
        struct stat status {};
        if (::stat(record.c_str(), &status) == 0) use.last = status.st_mtim.tv_sec;
        if (auto text = read_file(record, max_use_bytes))
            if (auto bytes = parse_u64(trim(*text))) use.bytes = *bytes;
        total += use.bytes;
        uses.push_back(std::move(use));
    }
    std::sort(uses.begin(), uses.end(), [](const Use& a, const Use& b) {
        return std::tie(a.last, a.layer) < std::tie(b.last, b.layer);
    });
    std::uint64_t removed = 0;
    for (const Use& use : uses) {
        bool unknown = use.bytes == 0;
        if (!unknown && total - removed <= keep_bytes) continue;
        if (use.last >= used_before) continue;
        OSIEKIT_TRY(remove_layer(use.layer));
        removed += use.bytes;
    }
    return removed;
}

}  // namespace osiekit::oci
