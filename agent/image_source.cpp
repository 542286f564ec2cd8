#include "agent/image_source.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/action.hpp"
#include "agent/registries.hpp"
#include "agent/rootfs.hpp"
#include "lib/base/digest.hpp"
#include "lib/base/file.hpp"
#include "lib/oci/registry_client.hpp"

namespace osiekit::agent {
namespace {

constexpr std::uint64_t max_record_bytes = 256U << 10U;

std::filesystem::path records_in(const std::filesystem::path& store) {
    return store / "names";
}

Status lock(int fd, int operation) {
    while (::flock(fd, operation) != 0)
        if (errno != EINTR) return Error::from_errno("locking the image store");
    return {};
}

Status remember(const std::filesystem::path& store, const oci::ResolvedImage& image) {
    auto directory = records_in(store);
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
        return Error::from_errno("making " + directory.string());
    ImageRecord record;
    record.reference = image.reference.to_string();
    record.digest = image.manifest_digest.oci();
    record.platform = image.config.platform.to_string();
    for (const oci::ContentDigest& diff_id : image.config.diff_ids)
        record.diff_ids.push_back(diff_id.hex());
    return write_file(directory / (Sha256::of(record.reference).hex() + ".json"), encode(record),
                      0600);
}

}  // namespace

Result<StoreLock> StoreLock::take(const std::filesystem::path& store, Kind kind,
                                  const std::function<void()>& on_wait) {
    OSIEKIT_ASSIGN(Fd file, open_file(store / "lock", O_RDWR | O_CREAT, 0600));
    int operation = kind == Kind::exclusive ? LOCK_EX : LOCK_SH;
    if (::flock(file.get(), operation | LOCK_NB) == 0) return StoreLock(std::move(file));
    if (on_wait) on_wait();
    OSIEKIT_TRY(lock(file.get(), operation));
    return StoreLock(std::move(file));
}

Status StoreLock::share() {
    return lock(file_.get(), LOCK_SH);
}

std::string encode(const ImageRecord& record) {
    nlohmann::json json = {{"reference", record.reference},
                           {"digest", record.digest},
                           {"platform", record.platform},
                           {"layers", record.diff_ids}};
    return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Result<ImageRecord> decode_image_record(std::string_view text) {
    auto json = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
    Error damaged(ErrorKind::invalid_input, "the record of an image is damaged");
    if (!json.is_object()) return damaged;
    auto field = [&](const char* key) {
        auto found = json.find(key);
        return found != json.end() && found->is_string() ? found->get<std::string>()
                                                         : std::string();
    };
    ImageRecord record{field("reference"), field("digest"), field("platform"), {}};
    auto layers = json.find("layers");
    if (record.reference.empty() || layers == json.end() || !layers->is_array()) return damaged;
    for (const auto& layer : *layers) {
        // Names of directories are made of them.
        if (!layer.is_string()) return damaged;
        auto digest = oci::ContentDigest::from_hex_digits(layer.get<std::string>());
        if (!digest) return damaged;
        record.diff_ids.push_back(digest->hex());
    }
    return record;
}

std::vector<ImageRecord> image_records(const std::filesystem::path& store) {
    std::vector<ImageRecord> records;
    std::error_code failure;
    for (const auto& file : std::filesystem::directory_iterator(records_in(store), failure)) {
        if (file.path().extension() != ".json") continue;
        auto text = read_file(file.path(), max_record_bytes);
        if (!text) continue;
        if (auto record = decode_image_record(*text)) records.push_back(*std::move(record));
    }
    std::sort(records.begin(), records.end(),
              [](const ImageRecord& a, const ImageRecord& b) { return a.reference < b.reference; });
    return records;
}

Result<oci::StoredImage> pull_image(oci::ImageStore& store, const Settings& settings,
                                    const std::string& image, const PullParts& parts,
                                    const Logger& log) {
    OSIEKIT_ASSIGN(auto reference, oci::Reference::parse(image));
    OSIEKIT_ASSIGN(auto options, registry_options(settings));
    options.cancelled = parts.cancelled;
    options.sleep = parts.sleep;
    options.log = [&log](std::string_view text) { log.warning(text); };
    oci::RegistryClient registry(std::move(options));
    OSIEKIT_ASSIGN(auto embedded, embedded_images(settings));
    std::optional<oci::FirstOf> both;
    if (embedded) both.emplace(*embedded, registry);
    oci::ImageSource& source = both ? static_cast<oci::ImageSource&>(*both) : registry;
    auto begin = std::chrono::steady_clock::now();
    OSIEKIT_ASSIGN(auto stored,
                   store.pull(
                       source, reference, oci::Platform::host(),
                       [&settings] { return unpack_budget(settings.store); }, parts.admit));
    auto taken = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - begin);
    if (both && both->first_was_used())
        log.info("image " + reference.to_string() + " is one that this machine carries");
    log.info("image " + reference.to_string() + " is " + stored.image.manifest_digest.oci() +
             ", there in " + human_duration(taken));
    if (auto written = remember(settings.store, stored.image); !written)
        log.debug(written.error().to_string());
    return stored;
}

}  // namespace osiekit::agent
