#include <unistd.h>
#include <cstdio>

#include <memory>
#include <nlohmann/json.hpp>

#include "builder/commands/command.hpp"
#include "builder/commands/image_documents.hpp"
#include "builder/report/bom.hpp"
#include "builder/report/provenance.hpp"
#include "lib/base/file.hpp"

// "sbom" and "provenance": documents about an image for other programs to read.

namespace osiekit::builder {

namespace {

struct DocumentArguments {
    std::string image;
    std::string format = "spdx";
    std::string out;
};

constexpr std::string_view sbom_examples = R"(
Examples:
  osiekit sbom out/virtual > virtual.spdx.json
  osiekit sbom out/virtual --format cyclonedx --out virtual.cdx.json
  osiekit sbom out/virtual | jq -r '.packages[] | [.name, .versionInfo, .licenseDeclared] | @tsv'

Lists every package, program and profile that the image is made of, with licences and package URLs, and every file with
its digests and whom it comes from. IMAGE is a folder made by "osiekit build"; its files are checked against its
manifest first. The same image gives the same text; it carries the time of the image's files, or SOURCE_DATE_EPOCH.
See docs/reports.md.
)";

constexpr std::string_view provenance_examples = R"(
Examples:
  osiekit provenance out/virtual --out virtual.intoto.json
  osiekit provenance out/virtual | jq -r '.predicate.buildDefinition.resolvedDependencies[].uri'

Says what vmlinuz, initramfs and manifest.json were made from, as an in-toto statement with SLSA provenance v1: every
package, profile, program and file with its digest. Values of variables are in it as digests only. It is not signed:
whoever runs the build does that. IMAGE is a folder made by "osiekit build". See docs/reports.md.
)";

Status give(const nlohmann::ordered_json& document, const std::string& out) {
    std::string text = document_text(document);
    if (!out.empty()) return write_file(out, text);
    return write_all(STDOUT_FILENO, text);
}

Status run_sbom(const DocumentArguments& arguments) {
    OSIEKIT_ASSIGN(KnownImage image, load_known_image(arguments.image));
    OSIEKIT_ASSIGN(std::uint64_t created, creation_time(image.manifest));
    Bom bom = bill_of_materials(image, created);
    return give(arguments.format == "spdx" ? spdx_json(bom) : cyclonedx_json(bom), arguments.out);
}

Status run_provenance(const DocumentArguments& arguments) {
    OSIEKIT_ASSIGN(KnownImage image, load_known_image(arguments.image));
    return give(provenance_json(image), arguments.out);
}

CLI::App* add_document(CLI::App& app, const std::shared_ptr<DocumentArguments>& arguments,
                       const char* name, const char* what, std::string_view examples) {
    CLI::App* command = app.add_subcommand(name, what);
    command->add_option("IMAGE", arguments->image, "Folder made by osiekit build")->required();
    command->add_option("--out", arguments->out, "Write to a file instead of standard output")
        ->type_name("FILE");
    command->footer(std::string(examples));
    return command;
}

}  // namespace

void register_sbom(CLI::App& app, Invocation& invocation) {
    auto arguments = std::make_shared<DocumentArguments>();
    CLI::App* command =
        add_document(app, arguments, "sbom", "List what an image is made of, as SPDX or CycloneDX",
                     sbom_examples);
    command->add_option("--format", arguments->format, "Format of the list (default: spdx)")
        ->check(CLI::IsMember({"spdx", "cyclonedx"}));
    command->callback([arguments, &invocation] {
        invocation.run = [arguments] { return run_sbom(*arguments); };
    });
}

void register_provenance(CLI::App& app, Invocation& invocation) {
    auto arguments = std::make_shared<DocumentArguments>();
    CLI::App* command =
        add_document(app, arguments, "provenance",
                     "State what an image was made from, as SLSA provenance", provenance_examples);
    command->callback([arguments, &invocation] {
        invocation.run = [arguments] { return run_provenance(*arguments); };
    });
}

}  // namespace osiekit::builder
