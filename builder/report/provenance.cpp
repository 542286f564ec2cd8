#include "builder/report/provenance.hpp"

#include <set>

#include "builder/report/bom.hpp"

namespace osiekit::builder {

using nlohmann::ordered_json;

namespace {

ordered_json digest_json(const Sha256& digest) {
    return {{"sha256", digest.hex()}};
}

ordered_json subject(const std::string& name, const Sha256& digest) {
    return {{"name", name}, {"digest", digest_json(digest)}};
}

// Everything that went in and that somebody could fetch or look up.
ordered_json dependencies(const KnownImage& image) {
    const Manifest& manifest = image.manifest;
    ordered_json list = ordered_json::array();
    for (const ManifestPackage& package : manifest.packages) {
        ordered_json item = {{"uri", package_purl(package)},
                             {"digest", digest_json(package.digest)},
                             {"name", package.name}};
        if (!package.location.empty() && package.system != "file")
            item["annotations"] = {{"location", package.location}};
        list.push_back(std::move(item));
    }
    for (const std::string& name : manifest.profile_order)
        list.push_back({{"name", name},
                        {"digest", digest_json(manifest.profile_files.at(name))},
                        {"annotations", {{"kind", "profile"}}}});
    for (const ImageFile& file : image.files) {
        bool program = file.source.kind == FileSource::Kind::program;
        if (!program && file.source.kind != FileSource::Kind::profile) continue;
        list.push_back(
            {{"name", file.source.name},
             {"digest", digest_json(file.digest)},
             {"annotations", {{"kind", program ? "program" : "file"}, {"path", "/" + file.path}}}});
    }
    return list;
}

ordered_json definition(const KnownImage& image) {
    const Manifest& manifest = image.manifest;
    ordered_json variables = ordered_json::object();
    for (const auto& [name, digest] : manifest.variables) variables[name] = digest_json(digest);
    ordered_json external = {
        {"profile",
         manifest.profile_order.empty() ? std::string() : manifest.profile_order.front()},
        {"architecture", manifest.architecture},
        {"variables", std::move(variables)}};
    ordered_json internal = {{"compression", manifest.compression},
                             {"sourceDateEpoch", manifest.mtime}};
    return {{"buildType", provenance_build_type},
            {"externalParameters", std::move(external)},
            {"internalParameters", std::move(internal)},
            {"resolvedDependencies", dependencies(image)}};
}

}  // namespace

ordered_json provenance_json(const KnownImage& image) {
    const Manifest& manifest = image.manifest;
    ordered_json run = {
        {"builder", {{"id", provenance_builder}, {"version", {{"osiekit", manifest.version}}}}}};
    return {
        {"_type", "https://in-toto.io/Statement/v1"},
        {"subject", ordered_json::array({subject(image.outputs.kernel, manifest.kernel.digest),
                                         subject(image.outputs.initramfs, manifest.initramfs),
                                         subject("manifest.json", manifest.digest)})},
        {"predicateType", "https://slsa.dev/provenance/v1"},
        {"predicate", {{"buildDefinition", definition(image)}, {"runDetails", std::move(run)}}}};
}

}  // namespace osiekit::builder
