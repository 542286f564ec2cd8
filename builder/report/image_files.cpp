#include "builder/report/image_files.hpp"

#include <sys/stat.h>

#include <map>

#include "builder/alpine/checksums.hpp"
#include "builder/image/contents.hpp"
#include "builder/image/output_names.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

Status check_digest(const std::filesystem::path& file, const Sha256& is, const Sha256& wanted) {
    if (is == wanted) return {};
    return Error(ErrorKind::digest, file.string() + " is not the file of its manifest.json")
        .hint("osiekit verify says what differs; build the image again");
}

Result<std::vector<ImageFile>> files_of(std::string_view image, const Manifest& manifest) {
    std::map<std::pair<std::size_t, std::size_t>, std::string> sha1;
    InspectOptions options;
    options.visit = [&](std::size_t segment, std::size_t number, const InspectedEntry& entry,
                        std::string_view content) -> Status {
        if ((entry.mode & S_IFMT) == S_IFREG && !content.empty())
            sha1[{segment, number}] = to_hex(alpine::sha1_of(content));
        return {};
    };
    OSIEKIT_ASSIGN(Inspection inspection, inspect_initramfs(image, options));
    Contents contents = contents_of(std::move(inspection));
    const auto& segments = contents.inspection.segments;
    if (segments.size() != manifest.segments.size())
        return Error(ErrorKind::invalid_input,
                     "its manifest has " + std::to_string(manifest.segments.size()) +
                         " segments, the image " + std::to_string(segments.size()));
    const std::string nothing = to_hex(alpine::sha1_of(""));
    // The content of a hard link may be on any of its names: found again by its SHA-256.
    std::map<Sha256, std::string> by_digest;
    for (const auto& [place, hex] : sha1)
        by_digest[segments[place.first].entries[place.second].digest] = hex;
    std::vector<ImageFile> files;
    for (const auto& [path, place] : contents.files) {
        const InspectedEntry& entry = contents.entry(place);
        if ((entry.mode & S_IFMT) != S_IFREG) continue;
        ImageFile file{path, entry.size, entry.digest, nothing,
                       manifest.segments[place.segment].source_of(path)};
        if (auto found = by_digest.find(entry.digest); found != by_digest.end())
            file.sha1 = found->second;
        files.push_back(std::move(file));
    }
    return files;
}

}  // namespace

Result<KnownImage> load_known_image(const std::filesystem::path& folder) {
    std::filesystem::path path = folder / manifest_name;
    auto text = read_file(path, largest_manifest);
    if (!text)
        return std::move(text).error().hint(
            "name a folder that \"osiekit build\" wrote; only that says where files come from");
    KnownImage image;
    auto manifest = parse_manifest(*text).context(path.string());
    if (!manifest) return std::move(manifest).error();
    image.manifest = *std::move(manifest);
    image.outputs = output_names_of(*text);
    const OutputNames& names = image.outputs;
    OSIEKIT_ASSIGN(Sha256 kernel, Sha256::of_file(folder / names.kernel));
    OSIEKIT_TRY(check_digest(folder / names.kernel, kernel, image.manifest.kernel.digest));
    std::filesystem::path initramfs = folder / names.initramfs;
    OSIEKIT_ASSIGN(std::string bytes, read_file(initramfs, largest_image));
    OSIEKIT_TRY(check_digest(initramfs, Sha256::of(bytes), image.manifest.initramfs));
    auto files = files_of(bytes, image.manifest).context(initramfs.string());
    if (!files) return std::move(files).error();
    image.files = *std::move(files);
    return image;
}

}  // namespace osiekit::builder
