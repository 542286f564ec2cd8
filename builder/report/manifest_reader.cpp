#include "builder/report/manifest_reader.hpp"

#include "lib/base/text.hpp"

namespace osiekit::builder {

using nlohmann::json;

namespace {

constexpr std::uint64_t known_format = 1;

// A value of the document and where it stands.
class Place {
  public:
    Place(const json& value, std::string name) : value_(&value), name_(std::move(name)) {}

    Error bad(const std::string& why) const {
        return Error(ErrorKind::invalid_input, name_ + ": " + why);
    }
    bool has(const char* key) const { return value_->is_object() && value_->contains(key); }
    Result<Place> at(const char* key) const {
        std::string name = name_.empty() ? key : name_ + "." + key;
        if (!has(key)) return Error(ErrorKind::invalid_input, name + " is missing");
        return Place((*value_)[key], std::move(name));
    }
    Result<std::string> text() const {
        if (!value_->is_string()) return bad("a text is expected");
        return value_->get<std::string>();
    }
    Result<std::uint64_t> number() const {
        if (!value_->is_number_unsigned()) return bad("a number of at least 0 is expected");
        return value_->get<std::uint64_t>();
    }
    Result<Sha256> digest() const {
        OSIEKIT_ASSIGN(std::string hex, text());
        auto digest = Sha256::parse(hex);
        if (!digest) return bad("\"" + printable(hex) + "\" is no SHA-256 digest");
        return digest;
    }
    Result<std::vector<Place>> list() const {
        if (!value_->is_array()) return bad("a list is expected");
        std::vector<Place> items;
        for (std::size_t i = 0; i < value_->size(); ++i)
            items.emplace_back((*value_)[i], name_ + "[" + std::to_string(i) + "]");
        return items;
    }
    Result<std::vector<std::pair<std::string, Place>>> members() const {
        if (!value_->is_object()) return bad("an object is expected");
        std::vector<std::pair<std::string, Place>> result;
        for (const auto& [key, member] : value_->items())
            result.emplace_back(key, Place(member, name_ + "." + printable(key)));
        return result;
    }
    const json& value() const { return *value_; }

  private:
    const json* value_;
    std::string name_;
};

// Reads members of one object, each into its place.
class Reader {
  public:
    explicit Reader(const Place& place) : place_(place) {}

    Status text(const char* key, std::string& into) {
        OSIEKIT_ASSIGN(Place member, place_.at(key));
        OSIEKIT_ASSIGN(into, member.text());
        return {};
    }
    Status optional_text(const char* key, std::string& into) {
        return place_.has(key) ? text(key, into) : Status();
    }
    Status number(const char* key, std::uint64_t& into) {
        OSIEKIT_ASSIGN(Place member, place_.at(key));
        OSIEKIT_ASSIGN(into, member.number());
        return {};
    }
    Status digest(const char* key, Sha256& into) {
        OSIEKIT_ASSIGN(Place member, place_.at(key));
        OSIEKIT_ASSIGN(into, member.digest());
        return {};
    }

  private:
    const Place& place_;
};

Result<FileSource> read_source(const Place& place, const std::string& text) {
    auto source = FileSource::parse(text);
    if (!source) return place.bad("\"" + printable(text) + "\" is no source of files");
    return *source;
}

Result<ManifestSegment> read_segment(const Place& place) {
    ManifestSegment segment;
    Reader reader(place);
    OSIEKIT_TRY(reader.text("name", segment.name));
    OSIEKIT_TRY(reader.digest("digest", segment.digest));
    OSIEKIT_TRY(reader.number("size", segment.size));
    OSIEKIT_TRY(reader.digest("content_digest", segment.content_digest));
    OSIEKIT_TRY(reader.number("unpacked", segment.unpacked));
    OSIEKIT_TRY(reader.number("entries", segment.entries));
    OSIEKIT_ASSIGN(Place source, place.at("source"));
    OSIEKIT_ASSIGN(std::string name, source.text());
    OSIEKIT_ASSIGN(segment.source, read_source(source, name));
    OSIEKIT_ASSIGN(Place others, place.at("other_sources"));
    OSIEKIT_ASSIGN(auto members, others.members());
    for (const auto& [text, paths] : members) {
        OSIEKIT_ASSIGN(FileSource other, read_source(paths, text));
        OSIEKIT_ASSIGN(auto items, paths.list());
        for (const Place& item : items) {
            OSIEKIT_ASSIGN(std::string path, item.text());
            segment.others[std::move(path)] = other;
        }
    }
    return segment;
}

Result<ManifestPackage> read_package(const Place& place) {
    ManifestPackage package;
    Reader reader(place);
    OSIEKIT_TRY(reader.text("name", package.name));
    OSIEKIT_TRY(reader.text("version", package.version));
    OSIEKIT_TRY(reader.text("architecture", package.architecture));
    OSIEKIT_TRY(reader.digest("digest", package.digest));
    OSIEKIT_TRY(reader.number("size", package.size));
    OSIEKIT_TRY(reader.optional_text("license", package.license));
    OSIEKIT_TRY(reader.optional_text("system", package.system));
    OSIEKIT_TRY(reader.optional_text("source", package.source));
    OSIEKIT_TRY(reader.optional_text("source_version", package.source_version));
    OSIEKIT_TRY(reader.optional_text("suite", package.suite));
    OSIEKIT_TRY(reader.optional_text("location", package.location));
    return package;
}

Status read_kernel(const Place& place, ManifestKernel& kernel) {
    Reader reader(place);
    OSIEKIT_TRY(reader.text("version", kernel.version));
    OSIEKIT_TRY(reader.text("package", kernel.package));
    OSIEKIT_TRY(reader.optional_text("system", kernel.system));
    OSIEKIT_TRY(reader.text("cmdline", kernel.cmdline));
    OSIEKIT_TRY(reader.digest("digest", kernel.digest));
    return reader.number("size", kernel.size);
}

Status read_profile(const Place& place, Manifest& manifest) {
    OSIEKIT_ASSIGN(Place files, place.at("files"));
    OSIEKIT_ASSIGN(auto items, files.list());
    for (const Place& item : items) {
        Reader reader(item);
        std::string name;
        OSIEKIT_TRY(reader.text("name", name));
        OSIEKIT_TRY(reader.digest("digest", manifest.profile_files[name]));
        manifest.profile_order.push_back(std::move(name));
    }
    OSIEKIT_ASSIGN(Place variables, place.at("variables"));
    OSIEKIT_ASSIGN(auto members, variables.members());
    for (const auto& [name, value] : members) {
        OSIEKIT_ASSIGN(manifest.variables[name], value.digest());
    }
    return {};
}

Status read_inputs(const Place& place, ManifestInputs& inputs) {
    for (const auto& [key, digests] :
         {std::pair{"keys", &inputs.keys}, std::pair{"files", &inputs.files},
          std::pair{"programs", &inputs.programs}}) {
        OSIEKIT_ASSIGN(Place list, place.at(key));
        OSIEKIT_ASSIGN(auto members, list.members());
        for (const auto& [name, value] : members) {
            OSIEKIT_ASSIGN((*digests)[name], value.digest());
        }
    }
    OSIEKIT_ASSIGN(Place copies, place.at("copies"));
    OSIEKIT_ASSIGN(auto members, copies.members());
    for (const auto& [path, name] : members) {
        OSIEKIT_ASSIGN(inputs.copies[path], name.text());
    }
    return {};
}

Status read_lists(const Place& root, Manifest& manifest) {
    OSIEKIT_ASSIGN(Place segments, root.at("segments"));
    OSIEKIT_ASSIGN(auto items, segments.list());
    for (const Place& item : items) {
        OSIEKIT_ASSIGN(ManifestSegment segment, read_segment(item));
        manifest.segments.push_back(std::move(segment));
    }
    OSIEKIT_ASSIGN(Place packages, root.at("packages"));
    OSIEKIT_ASSIGN(items, packages.list());
    for (const Place& item : items) {
        OSIEKIT_ASSIGN(ManifestPackage package, read_package(item));
        manifest.packages.push_back(std::move(package));
    }
    return {};
}

}  // namespace

const FileSource& ManifestSegment::source_of(std::string_view path) const {
    auto other = others.find(path);
    return other == others.end() ? source : other->second;
}

Result<Manifest> parse_manifest(std::string_view text) {
    if (text.size() > largest_manifest)
        return Error(ErrorKind::limit, "a manifest of " + std::to_string(text.size()) +
                                           " bytes, more than " + std::to_string(largest_manifest));
    json document = json::parse(text, nullptr, false);
    if (!document.is_object()) return Error(ErrorKind::invalid_input, "not a JSON object");
    Place root(document, "");
    Manifest manifest;
    manifest.digest = Sha256::of(text);
    Reader reader(root);
    std::uint64_t format = 0;
    OSIEKIT_TRY(reader.number("format", format));
    if (format != known_format)
        return Error(ErrorKind::unsupported, "a manifest of format " + std::to_string(format) +
                                                 ", not " + std::to_string(known_format));
    OSIEKIT_TRY(reader.text("name", manifest.name));
    OSIEKIT_TRY(reader.text("architecture", manifest.architecture));
    OSIEKIT_TRY(reader.number("mtime", manifest.mtime));
    OSIEKIT_ASSIGN(Place builder, root.at("builder"));
    OSIEKIT_TRY(Reader(builder).text("osiekit", manifest.version));
    OSIEKIT_ASSIGN(Place compression, root.at("compression"));
    manifest.compression = compression.value();
    OSIEKIT_ASSIGN(Place kernel, root.at("kernel"));
    OSIEKIT_TRY(read_kernel(kernel, manifest.kernel));
    OSIEKIT_ASSIGN(Place initramfs, root.at("initramfs"));
    OSIEKIT_TRY(Reader(initramfs).digest("digest", manifest.initramfs));
    OSIEKIT_TRY(Reader(initramfs).number("size", manifest.initramfs_size));
    OSIEKIT_TRY(read_lists(root, manifest));
    OSIEKIT_ASSIGN(Place profile, root.at("profile"));
    OSIEKIT_TRY(read_profile(profile, manifest));
    if (document.contains("inputs")) {
        OSIEKIT_ASSIGN(Place inputs, root.at("inputs"));
        OSIEKIT_TRY(read_inputs(inputs, manifest.inputs.emplace()));
    }
    return manifest;
}

}  // namespace osiekit::builder
