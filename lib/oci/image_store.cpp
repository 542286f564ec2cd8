#include "lib/oci/image_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <thread>
#include <utility>

#include "lib/base/file.hpp"
#include "lib/oci/byte_pipe.hpp"
#include "lib/oci/tree_at.hpp"

namespace osiekit::oci {
namespace {

Status make_directory(const std::filesystem::path& path, mode_t mode) {
    if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
        return Error::from_errno("making " + path.string());
    return {};
}

// Downloads on a thread of its own while this one decompresses and writes.
Status stream_layer(ImageSource& source, const Reference& reference, const Descriptor& layer,
                    const ContentDigest& diff_id, int directory_fd, const UnpackLimits& limits) {
    BytePipe pipe;
    Status fetched;
    std::thread download([&] {
        fetched = source.fetch_blob(reference, layer, [&](std::string_view piece) -> Status {
            if (pipe.write(piece)) return {};
            return Error(ErrorKind::cancelled, "the layer is not wanted any more");
        });
        pipe.finish(fetched ? std::nullopt : std::optional<Error>(fetched.error()));
    });
    auto unpacked =
        unpack_layer([&] { return pipe.read(); }, directory_fd, limits, diff_id.algorithm());
    pipe.abandon();
    download.join();
    // Bytes that are not what they were declared to be are the cause, whatever else they led to.
    if (!fetched && fetched.error().kind() != ErrorKind::cancelled) return fetched;
    if (!unpacked) return std::move(unpacked).error();
    OSIEKIT_TRY(fetched);
    if (unpacked->diff_id != diff_id)
        return Error(ErrorKind::digest, "the unpacked layer is " + unpacked->diff_id.oci() +
                                            ", the image's configuration says " + diff_id.oci());
    return {};
}

}  // namespace

Status remove_directory(const std::filesystem::path& path) {
    OSIEKIT_ASSIGN(Fd parent, open_file(path.parent_path(), O_PATH | O_DIRECTORY));
    return remove_tree_at(parent.get(), path.filename()).context("removing " + path.string());
}

Result<ImageStore> ImageStore::open(const std::filesystem::path& root) {
    std::error_code failure;
    std::filesystem::create_directories(root.parent_path(), failure);
    OSIEKIT_TRY(make_directory(root, 0700));
    OSIEKIT_TRY(make_directory(root / "layers", 0700));
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
                               const Descriptor& layer, const ContentDigest& diff_id,
                               const UnpackLimits& limits) {
    auto temporary = root_ / "tmp" / diff_id.hex();
    OSIEKIT_TRY(remove_directory(temporary));
    OSIEKIT_TRY(make_directory(temporary, 0755));
    Status done = [&]() -> Status {
        OSIEKIT_ASSIGN(Fd directory, open_file(temporary, O_RDONLY | O_DIRECTORY));
        return stream_layer(source, reference, layer, diff_id, directory.get(), limits);
    }();
    if (done && ::rename(temporary.c_str(), layer_path(diff_id).c_str()) != 0)
        done = Error::from_errno("moving the layer to its place");
    if (!done) {
        // The first failure is the one to tell of.
        [[maybe_unused]] Status removed = remove_directory(temporary);
        return std::move(done).error().context("unpacking the layer " + layer.digest.oci());
    }
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
    const auto& layers = stored.image.manifest.layers;
    for (std::size_t i = 0; i < layers.size(); ++i) {
        const ContentDigest& diff_id = stored.image.config.diff_ids[i];
        if (!has_layer(diff_id)) {
            UnpackLimits limits;
            limits.tar_bytes = std::min(limits.tar_bytes, budget());
            OSIEKIT_TRY(fetch_layer(source, reference, layers[i], diff_id, limits)
                            .context("pulling the image " + reference.to_string()));
        }
        stored.layers.push_back(layer_path(diff_id));
    }
    return stored;
}

Status ImageStore::retain(const std::set<ContentDigest>& diff_ids) {
    std::error_code failure;
    std::vector<std::filesystem::path> unwanted;
    for (const auto& entry : std::filesystem::directory_iterator(root_ / "layers", failure)) {
        auto digest = ContentDigest::from_hex_digits(entry.path().filename().string());
        if (!digest || diff_ids.count(*digest) == 0) unwanted.push_back(entry.path());
    }
    for (const auto& path : unwanted) OSIEKIT_TRY(remove_directory(path));
    return {};
}

}  // namespace osiekit::oci
