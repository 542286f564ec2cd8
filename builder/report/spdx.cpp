#include <algorithm>
#include <map>
#include <set>

#include "builder/alpine/checksums.hpp"
#include "builder/licence/expression.hpp"
#include "builder/report/bom.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

using nlohmann::ordered_json;

namespace {

constexpr const char* no_assertion = "NOASSERTION";

std::string spdx_id(std::string_view kind, std::string_view name, std::size_t number) {
    std::string id = "SPDXRef-" + std::string(kind) + "-" + std::to_string(number) + "-";
    for (char c : name) {
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '.' || c == '-';
        id += plain ? c : '-';
    }
    return id;
}

ordered_json checksum(const char* algorithm, const std::string& value) {
    return {{"algorithm", algorithm}, {"checksumValue", value}};
}

ordered_json purl_reference(const std::string& purl) {
    return {{"referenceCategory", "PACKAGE-MANAGER"},
            {"referenceType", "purl"},
            {"referenceLocator", purl}};
}

// SPDX 2.3, section 7.9: SHA-1 of the files' SHA-1 digests in order.
std::string verification_code(const std::vector<const ImageFile*>& files) {
    std::vector<std::string> digests;
    for (const ImageFile* file : files) digests.push_back(file->sha1);
    std::sort(digests.begin(), digests.end());
    return to_hex(alpine::sha1_of(join(digests, "")));
}

class Document {
  public:
    explicit Document(const Bom& bom) : bom_(bom), manifest_(bom.image->manifest) {}

    ordered_json run() {
        outputs();
        for (std::size_t i = 0; i < bom_.components.size(); ++i) component(i);
        ordered_json document = {{"spdxVersion", "SPDX-2.3"},
                                 {"dataLicense", "CC0-1.0"},
                                 {"SPDXID", "SPDXRef-DOCUMENT"},
                                 {"name", manifest_.name}};
        document["documentNamespace"] =
            "https://spdx.org/spdxdocs/osiekit-" + purl_encoded(manifest_.name) + "-" + bom_.uuid;
        document["creationInfo"] = {
            {"created", bom_.created},
            {"creators", ordered_json::array({"Tool: osiekit-" + manifest_.version})}};
        document["documentDescribes"] = ordered_json::array({"SPDXRef-Image"});
        document["packages"] = std::move(packages_);
        if (!files_.empty()) document["files"] = std::move(files_);
        document["relationships"] = std::move(relationships_);
        if (!references_.empty()) document["hasExtractedLicensingInfos"] = licences();
        return document;
    }

  private:
    void relate(const std::string& from, const char* type, const std::string& to) {
        relationships_.push_back(
            {{"spdxElementId", from}, {"relationshipType", type}, {"relatedSpdxElement", to}});
    }

    static ordered_json package(const std::string& id, const std::string& name,
                                const std::string& purpose) {
        return {{"SPDXID", id},
                {"name", name},
                {"downloadLocation", no_assertion},
                {"filesAnalyzed", false},
                {"licenseConcluded", no_assertion},
                {"licenseDeclared", no_assertion},
                {"copyrightText", no_assertion},
                {"primaryPackagePurpose", purpose}};
    }

    // The image, its two files, and what made them.
    void outputs() {
        packages_.push_back(package("SPDXRef-Image", manifest_.name, "OPERATING-SYSTEM"));
        for (const auto& [id, name, digest] :
             {std::tuple{"SPDXRef-vmlinuz", bom_.image->outputs.kernel, manifest_.kernel.digest},
              std::tuple{"SPDXRef-initramfs", bom_.image->outputs.initramfs,
                         manifest_.initramfs}}) {
            ordered_json file = package(id, name, "FILE");
            file["packageFileName"] = name;
            file["checksums"] = ordered_json::array({checksum("SHA256", digest.hex())});
            packages_.push_back(std::move(file));
            relate("SPDXRef-Image", "CONTAINS", id);
        }
        ordered_json tool = package("SPDXRef-osiekit", "osiekit", "APPLICATION");
        tool["versionInfo"] = manifest_.version;
        tool["licenseDeclared"] = "Apache-2.0";
        packages_.push_back(std::move(tool));
        relate("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Image");
        relate("SPDXRef-osiekit", "BUILD_TOOL_OF", "SPDXRef-Image");
    }

    void component(std::size_t number) {
        const BomComponent& component = bom_.components[number];
        std::string id = spdx_id("Package", component.name, number);
        bool program = component.kind == BomComponent::Kind::program;
        ordered_json item = package(id, component.name, program ? "APPLICATION" : "LIBRARY");
        if (component.kind == BomComponent::Kind::image)
            item["primaryPackagePurpose"] = "CONTAINER";
        if (component.kind == BomComponent::Kind::profile) item["primaryPackagePurpose"] = "SOURCE";
        if (!component.version.empty()) item["versionInfo"] = component.version;
        if (!component.license.empty()) item["licenseDeclared"] = component.license;
        for (std::string& reference : licence_references(component.license))
            references_[std::move(reference)].insert(component.name + " " + component.version);
        if (!component.digest.empty())
            item["checksums"] = ordered_json::array({checksum("SHA256", component.digest)});
        if (!component.purl.empty())
            item["externalRefs"] = ordered_json::array({purl_reference(component.purl)});
        if (component.kernel) relate("SPDXRef-vmlinuz", "GENERATED_FROM", id);
        if (!component.files.empty()) {
            item["filesAnalyzed"] = true;
            item["packageVerificationCode"] = {
                {"packageVerificationCodeValue", verification_code(component.files)}};
            relate("SPDXRef-initramfs", "CONTAINS", id);
        } else if (!component.kernel) {
            // A metapackage: chosen from, nothing taken out of it.
            relate("SPDXRef-Image", "GENERATED_FROM", id);
        }
        packages_.push_back(std::move(item));
        source_package(component, id);
        for (const ImageFile* file : component.files) this->file(*file, id);
    }

    void source_package(const BomComponent& component, const std::string& id) {
        if (component.source_purl.empty()) return;
        std::string source = sources_[component.source_purl];
        if (source.empty()) {
            source = spdx_id("Source", component.source_name, sources_.size());
            sources_[component.source_purl] = source;
            ordered_json item = package(source, component.source_name, "SOURCE");
            item["versionInfo"] = component.source_version;
            item["externalRefs"] = ordered_json::array({purl_reference(component.source_purl)});
            packages_.push_back(std::move(item));
        }
        relate(id, "GENERATED_FROM", source);
    }

    void file(const ImageFile& file, const std::string& owner) {
        std::string id = "SPDXRef-File-" + std::to_string(files_.size());
        ordered_json item = {
            {"SPDXID", id},
            {"fileName", "./" + file.path},
            {"checksums", {checksum("SHA1", file.sha1), checksum("SHA256", file.digest.hex())}},
            {"licenseConcluded", no_assertion},
            {"licenseInfoInFiles", ordered_json::array({no_assertion})},
            {"copyrightText", no_assertion}};
        if (file.source.kind == FileSource::Kind::profile)
            item["comment"] = "from " + file.source.name;
        files_.push_back(std::move(item));
        relate(owner, "CONTAINS", id);
    }

    ordered_json licences() const {
        ordered_json list = ordered_json::array();
        for (const auto& [reference, packages] : references_)
            list.push_back(
                {{"licenseId", reference},
                 {"name", reference.substr(reference.find('-') + 1)},
                 {"extractedText",
                  "A licence that SPDX does not list. Its text is in the copyright file of: " +
                      join({packages.begin(), packages.end()}, ", ")}});
        return list;
    }

    const Bom& bom_;
    const Manifest& manifest_;
    ordered_json packages_ = ordered_json::array();
    ordered_json files_ = ordered_json::array();
    ordered_json relationships_ = ordered_json::array();
    std::map<std::string, std::set<std::string>> references_;  // LicenseRef to who has it
    std::map<std::string, std::string> sources_;               // package URL to SPDX id
};

}  // namespace

ordered_json spdx_json(const Bom& bom) {
    return Document(bom).run();
}

}  // namespace osiekit::builder
