#include "builder/report/verify.hpp"

#include <sys/stat.h>

#include <map>

#include "builder/image/compose.hpp"
#include "builder/image/contents.hpp"
#include "builder/image/output_names.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

constexpr std::size_t longest_name_part = 255;  // NAME_MAX

// What the kernel has in its root before it unpacks anything (usr/default_cpio_list).
const std::map<std::string, std::uint32_t, std::less<>> first_files = {
    {"dev", S_IFDIR}, {"dev/console", S_IFCHR}, {"root", S_IFDIR}};

bool is_skippable_frame(std::string_view bytes) {
    return bytes.size() >= 4 && (static_cast<unsigned char>(bytes[0]) & 0xf0U) == 0x50 &&
           bytes.substr(1, 3) == "\x2a\x4d\x18";
}

class Verifier {
  public:
    Verifier(std::string_view image, const Manifest* manifest, std::string name)
        : image_(image), manifest_(manifest), name_(std::move(name)), ours_(manifest != nullptr) {}

    Verification run() {
        result_.has_manifest = manifest_ != nullptr;
        if (manifest_ != nullptr)
            by_manifest();
        else
            read(image_, 0, nullptr);
        check_sentinel();
        return std::move(result_);
    }

  private:
    void add(std::optional<std::uint64_t> offset, const std::string& segment, std::string what) {
        result_.findings.push_back({name_, offset, segment, std::move(what)});
    }

    void by_manifest() {
        if (manifest_->initramfs_size != image_.size())
            add(std::nullopt, "",
                "it has " + std::to_string(image_.size()) + " bytes, the manifest says " +
                    std::to_string(manifest_->initramfs_size));
        else if (Sha256::of(image_) != manifest_->initramfs)
            add(std::nullopt, "", "its digest is not the one of the manifest");
        std::uint64_t offset = 0;
        for (const ManifestSegment& segment : manifest_->segments) {
            if (offset > image_.size() || segment.size > image_.size() - offset) {
                add(offset, segment.name,
                    "it is cut short: " + std::to_string(segment.size) + " bytes are expected, " +
                        std::to_string(image_.size() -
                                       std::min<std::uint64_t>(offset, image_.size())) +
                        " are left");
                return;
            }
            std::string_view bytes = image_.substr(offset, segment.size);
            if (Sha256::of(bytes) != segment.digest)
                add(offset, segment.name, "its digest is not the one of the manifest");
            read(bytes, offset, &segment);
            offset += segment.size;
        }
        if (offset < image_.size())
            add(offset, "",
                std::to_string(image_.size() - offset) + " bytes follow the last segment");
    }

    // Reads a segment as the manifest cuts it, or the whole image.
    void read(std::string_view bytes, std::uint64_t base, const ManifestSegment* expected) {
        std::uint64_t failed_at = 0;
        InspectOptions options;
        options.base = base;
        options.failed_at = &failed_at;
        // The kernel keeps what it has unpacked before it stops, and so do we.
        std::size_t seen = 0;
        options.visit = [&](std::size_t segment, std::size_t, const InspectedEntry& entry,
                            std::string_view) -> Status {
            ++seen;
            std::string name = expected != nullptr ? expected->name : std::to_string(segment);
            check_entry(entry, base, name);
            return {};
        };
        auto inspection = inspect_initramfs(bytes, options);
        result_.entries += seen;
        complete_ = inspection && inspection->complete;
        std::string name = expected != nullptr ? expected->name : "";
        if (!inspection) {
            std::string_view stop = bytes.substr(std::min<std::uint64_t>(failed_at, bytes.size()));
            std::string what = is_skippable_frame(stop)
                                   ? "a skippable zstd frame, which the kernel does not take"
                                   : inspection.error().message();
            add(base + failed_at, name, "the kernel stops here: " + what);
            return;
        }
        result_.segments += inspection->segments.size();
        if (expected != nullptr) compare(*inspection, base, *expected, seen);
    }

    void compare(const Inspection& is, std::uint64_t base, const ManifestSegment& expected,
                 std::size_t entries) {
        if (is.segments.size() != 1) {
            add(base, expected.name,
                "it holds " + std::to_string(is.segments.size()) + " archives instead of one");
            return;
        }
        const InspectedSegment& segment = is.segments.front();
        if (segment.offset != 0) add(base, expected.name, "zero bytes stand before it");
        if (!segment.ended) add(base, expected.name, "its archive lacks the end mark TRAILER!!!");
        if (segment.unpacked != expected.unpacked)
            add(base, expected.name,
                "it unpacks to " + std::to_string(segment.unpacked) + " bytes, the manifest says " +
                    std::to_string(expected.unpacked));
        else if (segment.content_digest != expected.content_digest)
            add(base, expected.name, "its unpacked archive has not the digest of the manifest");
        if (entries != expected.entries)
            add(base, expected.name,
                "it has " + std::to_string(entries) + " entries, the manifest says " +
                    std::to_string(expected.entries));
    }

    void check_entry(const InspectedEntry& entry, std::uint64_t base, const std::string& segment) {
        std::string name = "/" + printable(entry.path);
        auto wrong = [&](const std::string& what) { add(base, segment, name + ": " + what); };
        bool link = (entry.mode & S_IFMT) == S_IFLNK;
        if (entry.ignored)
            wrong(link ? "the kernel passes over it: too long a target"
                       : "the kernel passes over it: content where there must be none");
        else if (link && entry.target.empty())
            wrong("a symlink without a target");
        auto path = normal_path(entry.path);
        if (!path) {
            wrong("\"..\" in its name");
            return;
        }
        for (std::string_view part : split(*path, '/'))
            if (part.size() > longest_name_part) {
                wrong("a part of its name has " + std::to_string(part.size()) +
                      " bytes, file systems take " + std::to_string(longest_name_part));
                return;
            }
        std::size_t slash = path->rfind('/');
        if (slash != std::string::npos) {
            auto parent = files_.find(std::string_view(*path).substr(0, slash));
            if (parent == files_.end())
                wrong("the kernel loses it: no folder above it comes before");
            else if (parent->second != S_IFDIR && parent->second != S_IFLNK)
                wrong("the kernel loses it: what is above it is no folder");
        }
        ours_ = ours_ || *path == own_folder_path;
        files_[*std::move(path)] = entry.mode & S_IFMT;
    }

    void check_sentinel() {
        // An image of another maker has no need of it.
        if (complete_ || !ours_) return;
        for (const Finding& finding : result_.findings)
            if (finding.what.starts_with("the kernel stops") ||
                finding.what.starts_with("it is cut short"))
                return;  // said already, and the reason
        std::string last = manifest_ != nullptr && !manifest_->segments.empty()
                               ? manifest_->segments.back().name
                               : "";
        add(image_.size(), last,
            "its last entry is not /" + std::string(sentinel_path) +
                ": osie-init takes the image for one that was cut short");
    }

    std::string_view image_;
    const Manifest* manifest_;
    const std::string name_;
    Verification result_;
    std::map<std::string, std::uint32_t, std::less<>> files_ = first_files;
    bool complete_ = false;  // of what was read last
    bool ours_;              // an image that osiekit built
};

Status check_kernel(const std::filesystem::path& file, const ManifestKernel& expected,
                    Verification& result) {
    std::string name = file.filename().string();
    auto digest = Sha256::of_file(file);
    if (!digest && digest.error().kind() != ErrorKind::not_found) return std::move(digest).error();
    if (!digest)
        result.findings.insert(result.findings.begin(),
                               {name, std::nullopt, "", "it is not there"});
    else if (*digest != expected.digest)
        result.findings.insert(
            result.findings.begin(),
            {name, std::nullopt, "", "its digest is not the one of the manifest"});
    return {};
}

}  // namespace

std::string Finding::to_string() const {
    std::string text = file;
    if (offset) text += ", byte " + std::to_string(*offset);
    if (!segment.empty()) text += ", segment " + printable(segment);
    return text + ": " + what;
}

Verification verify_initramfs(std::string_view image, const Manifest* manifest,
                              const std::string& name) {
    return Verifier(image, manifest, name).run();
}

Result<Verification> verify_image(const std::filesystem::path& path) {
    std::filesystem::path file = initramfs_of(path);
    OSIEKIT_ASSIGN(std::string image, read_file(file, largest_image));
    if (file == path) return verify_initramfs(image, nullptr);
    auto text = read_file(path / manifest_name, largest_manifest);
    if (!text) {
        if (text.error().kind() != ErrorKind::not_found) return std::move(text).error();
        Verification result = verify_initramfs(image, nullptr);
        result.findings.insert(result.findings.begin(),
                               {"manifest.json", std::nullopt, "", "it is not there"});
        return result;
    }
    auto manifest = parse_manifest(*text);
    if (!manifest) {
        Verification result = verify_initramfs(image, nullptr);
        result.findings.insert(result.findings.begin(),
                               {"manifest.json", std::nullopt, "", manifest.error().to_string()});
        return result;
    }
    OutputNames names = output_names_of(*text);
    Verification result = verify_initramfs(image, &*manifest, names.initramfs);
    OSIEKIT_TRY(check_kernel(path / names.kernel, manifest->kernel, result));
    return result;
}

nlohmann::ordered_json verification_json(const Verification& verification) {
    nlohmann::ordered_json result = {{"good", verification.good()},
                                     {"manifest", verification.has_manifest},
                                     {"segments", verification.segments},
                                     {"entries", verification.entries}};
    result["findings"] = nlohmann::ordered_json::array();
    for (const Finding& finding : verification.findings) {
        nlohmann::ordered_json item = {{"file", finding.file}};
        if (finding.offset) item["offset"] = *finding.offset;
        if (!finding.segment.empty()) item["segment"] = finding.segment;
        item["what"] = finding.what;
        result["findings"].push_back(std::move(item));
    }
    return result;
}

}  // namespace osiekit::builder
