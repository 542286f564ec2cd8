#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "builder/action/build_action.hpp"
#include "builder/commands/command.hpp"
#include "builder/commands/own_folder.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

struct ActionArguments {
    std::string folder;
    std::string out;
    std::string programs;
    std::string tag = "latest";
    std::string compression = "gzip";
    bool json = false;
    bool quiet = false;
};

constexpr std::string_view examples = R"(
Examples:
  osiekit action build images/image2disk --out out/images/image2disk
  osiekit action build images/writefile --out out/writefile --tag v1 --compression zstd --json
  skopeo copy oci:out/images/image2disk:latest docker://registry.example/actions/image2disk:latest

DIR holds an image.yaml, see images/README.md. The image has one layer with one static program; the same
program and definition give the same bytes.

Exit status: 0 done, 1 failed, 2 wrong usage or definition.
)";

Status run_action_build(const ActionArguments& arguments) {
    action::BuildRequest request;
    request.folder = arguments.folder;
    request.out = arguments.out;
    request.programs = arguments.programs;
    if (arguments.programs.empty()) {
        OSIEKIT_ASSIGN(request.programs, own_folder());
    }
    request.tag = arguments.tag;
    request.compression = arguments.compression == "zstd"   ? oci_layout::Compression::zstd
                          : arguments.compression == "none" ? oci_layout::Compression::none
                                                            : oci_layout::Compression::gzip;
    OSIEKIT_ASSIGN(action::BuiltAction built, action::build_action(request));
    if (arguments.json)
        std::printf("%s\n", nlohmann::ordered_json{{"name", built.name},
                                                   {"out", arguments.out},
                                                   {"tag", arguments.tag},
                                                   {"digest", built.manifest.oci()},
                                                   {"architecture", built.architecture},
                                                   {"program_size", built.program_bytes},
                                                   {"layer_size", built.layer_bytes}}
                                .dump(2)
                                .c_str());
    else if (!arguments.quiet)
        std::printf("%s (%s): program %s, layer %s\n%s\nwrote %s\n", built.name.c_str(),
                    built.architecture.c_str(), human_size(built.program_bytes).c_str(),
                    human_size(built.layer_bytes).c_str(), built.manifest.oci().c_str(),
                    arguments.out.c_str());
    return {};
}

}  // namespace

void register_action(CLI::App& app, Invocation& invocation) {
    auto arguments = std::make_shared<ActionArguments>();
    CLI::App* group = app.add_subcommand("action", "Make action images");
    group->require_subcommand(1);
    CLI::App* command =
        group->add_subcommand("build", "Build an action image as an OCI image layout");
    command->add_option("DIR", arguments->folder, "Folder with an image.yaml")->required();
    command->add_option("--out", arguments->out, "Folder for the layout; an old one is replaced")
        ->required()
        ->type_name("LAYOUT");
    command
        ->add_option("--programs", arguments->programs,
                     "Folder of the programs (default: where osiekit itself is)")
        ->type_name("DIR");
    command->add_option("--tag", arguments->tag,
                        "The image's name in the layout (default: latest)");
    command->add_option("--compression", arguments->compression, "Of the layer (default: gzip)")
        ->check(CLI::IsMember({"gzip", "zstd", "none"}));
    command->add_flag("--json", arguments->json, "Print the result as JSON");
    command->add_flag("--quiet", arguments->quiet, "Print nothing but errors");
    command->footer(std::string(examples));
    command->callback([arguments, &invocation] {
        invocation.run = [arguments] { return run_action_build(*arguments); };
    });
}

}  // namespace osiekit::builder
