#include "lib/oci_layout/layout_writer.hpp"

#include <nlohmann/json.hpp>

#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"

namespace osiekit::oci_layout {
namespace {

using nlohmann::json;

constexpr const char* manifest_type = "application/vnd.oci.image.manifest.v1+json";
constexpr const char* config_type = "application/vnd.oci.image.config.v1+json";

json descriptor(const std::string& type, const Sha256& digest, std::size_t size) {
    return {{"mediaType", type}, {"digest", digest.oci()}, {"size", size}};
}

std::string config_text(const Image& image, const Layer& layer) {
    json config = json::object();
    if (!image.entrypoint.empty()) config["Entrypoint"] = image.entrypoint;
    if (!image.command.empty()) config["Cmd"] = image.command;
    if (!image.env.empty()) config["Env"] = image.env;
    if (!image.labels.empty()) config["Labels"] = image.labels;
    return json{{"architecture", image.architecture},
                {"os", "linux"},
                {"config", config},
                {"rootfs", {{"type", "layers"}, {"diff_ids", {layer.diff_id.oci()}}}}}
        .dump();
}

std::string manifest_text(const std::string& config, const Layer& layer) {
    return json{
        {"schemaVersion", 2},
        {"mediaType", manifest_type},
        {"config", descriptor(config_type, Sha256::of(config), config.size())},
        {"layers", json::array({descriptor(layer.media_type, layer.digest, layer.bytes.size())})}}
        .dump();
}

std::string index_text(const std::string& manifest, const std::string& tag) {
    json entry = descriptor(manifest_type, Sha256::of(manifest), manifest.size());
    entry["annotations"] = {{"org.opencontainers.image.ref.name", tag}};
    return json{{"schemaVersion", 2}, {"manifests", json::array({entry})}}.dump();
}

Status write_blob(const std::filesystem::path& folder, const std::string& bytes) {
    return write_file(folder / "blobs" / "sha256" / Sha256::of(bytes).hex(), bytes);
}

// What is at `out` may be replaced: nothing, an empty folder, or an earlier layout.
Result<bool> may_replace(const std::filesystem::path& out) {
    std::error_code ignored;
    if (!std::filesystem::exists(std::filesystem::symlink_status(out, ignored))) return true;
    if (std::filesystem::is_directory(out, ignored) &&
        (std::filesystem::is_empty(out, ignored) ||
         std::filesystem::exists(out / "oci-layout", ignored)))
        return true;
    return Error(ErrorKind::invalid_input, out.string() + " exists and is no OCI layout")
        .hint("name a new folder, or remove what is there");
}

Status move_into_place(const std::filesystem::path& from, const std::filesystem::path& out) {
    std::error_code error;
    std::filesystem::remove_all(out, error);
    if (!error) std::filesystem::rename(from, out, error);
    if (error) return Error::from_errno("cannot replace " + out.string(), error.value());
    return {};
}

}  // namespace

Result<Written> write_layout(const std::filesystem::path& out, const Image& image) {
    OSIEKIT_TRY(may_replace(out));
    OSIEKIT_ASSIGN(Layer layer, make_layer(image.entries, image.compression));
    std::string config = config_text(image, layer);
    std::string manifest = manifest_text(config, layer);
    std::filesystem::path target = std::filesystem::absolute(out).lexically_normal();
    if (!target.has_filename()) target = target.parent_path();
    std::error_code error;
    std::filesystem::create_directories(target.parent_path(), error);
    if (error)
        return Error::from_errno("cannot make " + target.parent_path().string(), error.value());
    OSIEKIT_ASSIGN(TempDir stage, TempDir::create(".layout", target.parent_path()));
    std::filesystem::path folder = stage / "layout";
    std::filesystem::create_directories(folder / "blobs" / "sha256", error);
    if (error) return Error::from_errno("cannot make " + folder.string(), error.value());
    OSIEKIT_TRY(write_blob(folder, layer.bytes));
    OSIEKIT_TRY(write_blob(folder, config));
    OSIEKIT_TRY(write_blob(folder, manifest));
    OSIEKIT_TRY(write_file(folder / "index.json", index_text(manifest, image.tag)));
    OSIEKIT_TRY(write_file(folder / "oci-layout", json{{"imageLayoutVersion", "1.0.0"}}.dump()));
    OSIEKIT_TRY(move_into_place(folder, target));
    return Written{Sha256::of(manifest), layer.bytes.size()};
}

}  // namespace osiekit::oci_layout
