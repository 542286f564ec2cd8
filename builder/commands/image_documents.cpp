#include "builder/commands/image_documents.hpp"

#include <cstdlib>
#include <limits>

#include "builder/image/output_folder.hpp"
#include "builder/report/bom.hpp"
#include "builder/report/provenance.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

Result<std::uint64_t> creation_time(const Manifest& manifest) {
    const char* text = std::getenv("SOURCE_DATE_EPOCH");
    if (text == nullptr || *text == '\0') return manifest.mtime;
    auto seconds = parse_u64(text);
    if (!seconds || *seconds > std::numeric_limits<std::uint32_t>::max())
        return Error(ErrorKind::invalid_input, "SOURCE_DATE_EPOCH is \"" + printable(text) +
                                                   "\", not seconds from 1970 to 2106");
    return *seconds;
}

std::string document_text(const nlohmann::ordered_json& document) {
    return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Status write_documents(const OutputSpec& outputs, const std::filesystem::path& folder) {
    if (outputs.spdx.empty() && outputs.cyclonedx.empty() && outputs.provenance.empty()) return {};
    OSIEKIT_ASSIGN(OutputFolder locked, OutputFolder::open(folder, outputs));
    OSIEKIT_ASSIGN(KnownImage image, load_known_image(folder));
    OSIEKIT_ASSIGN(std::uint64_t created, creation_time(image.manifest));
    Bom bom = bill_of_materials(image, created);
    if (!outputs.spdx.empty())
        OSIEKIT_TRY(write_file(folder / outputs.spdx, document_text(spdx_json(bom))));
    if (!outputs.cyclonedx.empty())
        OSIEKIT_TRY(write_file(folder / outputs.cyclonedx, document_text(cyclonedx_json(bom))));
    if (outputs.provenance.empty()) return {};
    return write_file(folder / outputs.provenance, document_text(provenance_json(image)));
}

}  // namespace osiekit::builder
