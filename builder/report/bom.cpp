#include "builder/report/bom.hpp"

#include <array>
#include <ctime>
#include <map>

#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

constexpr std::string_view own_licence = "Apache-2.0";
// Programs of this project, by name; of others nothing is known.
constexpr std::array<std::string_view, 2> own_programs = {"osie-init", "tink-worker"};

// RFC 9562, version 8: bits of our own choice, here of a digest.
std::string uuid_of(const Sha256& digest) {
    std::string hex = digest.hex().substr(0, 32);
    hex[12] = '8';
    hex[16] = "89ab"[static_cast<unsigned char>(hex[16]) % 4];
    return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" +
           hex.substr(16, 4) + "-" + hex.substr(20);
}

BomComponent package_component(const ManifestPackage& package, const Manifest& manifest) {
    BomComponent component;
    if (package.system == "oci") component.kind = BomComponent::Kind::image;
    component.name = package.name;
    component.version = package.version;
    component.purl = package_purl(package);
    component.license = package.license;
    component.digest = package.digest.hex();
    component.source_name = package.source;
    component.source_version =
        package.source_version.empty() ? package.version : package.source_version;
    component.source_purl = source_purl(package);
    component.kernel = package.name == manifest.kernel.package &&
                       (manifest.kernel.system.empty() || package.system == manifest.kernel.system);
    return component;
}

// A supplier that the manifest lists nowhere else.
BomComponent component_of(const FileSource& source, const ImageFile& file,
                          const Manifest& manifest) {
    BomComponent component;
    component.name = source.name;
    switch (source.kind) {
        case FileSource::Kind::package:
            break;  // one that the manifest does not list
        case FileSource::Kind::program:
            component.kind = BomComponent::Kind::program;
            component.digest = file.digest.hex();
            component.purl = generic_purl(component.name, "", component.digest);
            for (std::string_view own : own_programs)
                if (own == component.name) component.license = own_licence;
            break;
        case FileSource::Kind::profile: {
            component.kind = BomComponent::Kind::profile;
            auto digest = manifest.profile_files.find(component.name);
            if (digest != manifest.profile_files.end()) component.digest = digest->second.hex();
            component.purl = generic_purl(component.name, "", component.digest);
            break;
        }
        case FileSource::Kind::builder:
            component.kind = BomComponent::Kind::builder;
            component.name = "osiekit-base";
            component.version = manifest.version;
            component.license = own_licence;
            component.purl = generic_purl(component.name, component.version, "");
    }
    return component;
}

// Type "oci" of the purl specification: the last part of the name, the digest, and where it is.
std::string image_purl(const ManifestPackage& package) {
    std::string name = package.location.substr(package.location.rfind('/') + 1);
    std::string purl = "pkg:oci/" + purl_encoded(to_lower(name)) + "@" +
                       purl_encoded(package.version) +
                       "?arch=" + purl_encoded(package.architecture) +
                       "&repository_url=" + purl_encoded(package.location);
    std::string tagged = package.location + ":";
    if (package.name.starts_with(tagged)) {
        std::string tag = package.name.substr(tagged.size());
        purl += "&tag=" + purl_encoded(tag.substr(0, tag.find('@')));
    }
    return purl;
}

// Lines of one profile are one supplier.
FileSource without_line(FileSource source) {
    if (source.kind == FileSource::Kind::profile)
        source.name = source.name.substr(0, source.name.rfind(':'));
    return source;
}

}  // namespace

std::string purl_encoded(std::string_view text) {
    constexpr char digits[] = "0123456789ABCDEF";
    std::string result;
    for (char c : text) {
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     std::string_view(".-_~:").find(c) != std::string_view::npos;
        auto byte = static_cast<unsigned char>(c);
        if (plain)
            result += c;
        else
            result += {'%', digits[byte >> 4U], digits[byte & 15U]};
    }
    return result;
}

std::string generic_purl(std::string_view name, std::string_view version, std::string_view sha256) {
    std::string purl = "pkg:generic/" + purl_encoded(name);
    if (!version.empty()) purl += "@" + purl_encoded(version);
    if (!sha256.empty()) purl += "?checksum=sha256:" + std::string(sha256);
    return purl;
}

std::string package_purl(const ManifestPackage& package) {
    // Of a file that lies beside the profile nobody knows which distribution it is of.
    if (package.system == "file")
        return generic_purl(package.name, package.version, package.digest.hex());
    if (package.system == "oci") return image_purl(package);
    std::string type = package.system == "alpine" ? "pkg:apk/alpine/" : "pkg:deb/debian/";
    std::string purl = type + purl_encoded(to_lower(package.name)) + "@" +
                       purl_encoded(package.version) +
                       "?arch=" + purl_encoded(package.architecture);
    if (!package.suite.empty()) purl += "&distro=" + purl_encoded(package.suite);
    return purl;
}

std::string source_purl(const ManifestPackage& package) {
    if (package.source.empty() || package.system == "file") return {};
    ManifestPackage source = package;
    source.name = package.source;
    if (!package.source_version.empty()) source.version = package.source_version;
    source.architecture = "source";
    return package_purl(source);
}

std::string utc_time(std::uint64_t seconds) {
    auto time = static_cast<std::time_t>(seconds);
    std::tm parts = {};
    ::gmtime_r(&time, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text;
}

Bom bill_of_materials(const KnownImage& image, std::uint64_t created) {
    const Manifest& manifest = image.manifest;
    Bom bom;
    bom.image = &image;
    bom.created = utc_time(created);
    bom.uuid = uuid_of(manifest.digest);
    std::map<FileSource, std::size_t> numbers;
    auto source_named = [](std::string name) {
        return FileSource{FileSource::Kind::package, std::move(name)};
    };
    for (const ManifestPackage& package : manifest.packages) {
        numbers.emplace(source_named(package.reference()), bom.components.size());
        bom.components.push_back(package_component(package, manifest));
    }
    // Older builders named packages of every system without it.
    for (std::size_t i = 0; i < manifest.packages.size(); ++i)
        numbers.emplace(source_named(manifest.packages[i].name), i);
    // By source first, so that the order does not follow the files' names.
    std::map<FileSource, std::vector<const ImageFile*>> files;
    for (const ImageFile& file : image.files) files[without_line(file.source)].push_back(&file);
    for (auto& [source, list] : files) {
        auto [number, added] = numbers.emplace(source, bom.components.size());
        if (added) bom.components.push_back(component_of(source, *list.front(), manifest));
        bom.components[number->second].files = std::move(list);
    }
    return bom;
}

}  // namespace osiekit::builder
