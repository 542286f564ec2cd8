#include "builder/action/build_action.hpp"

#include "builder/action/image_definition.hpp"
#include "builder/action/program_file.hpp"
#include "lib/base/file.hpp"

namespace osiekit::action {
namespace {

constexpr std::uint64_t largest_program = 256ULL << 20U;

Result<std::string> read_program(const std::filesystem::path& path) {
    auto bytes = read_file(path, largest_program);
    if (bytes || bytes.error().kind() != ErrorKind::not_found) return bytes;
    return std::move(bytes).error().hint(
        "build it first, or name the folder of the programs with --programs");
}

}  // namespace

Result<BuiltAction> build_action(const BuildRequest& request) {
    std::filesystem::path file = request.folder / "image.yaml";
    OSIEKIT_ASSIGN(std::string text, read_file(file, longest_definition + 1));
    OSIEKIT_ASSIGN(ImageDefinition definition, parse_image_definition(text, file.string()));
    std::string doing = "building the action image " + definition.name;
    std::filesystem::path path = request.programs / definition.program;
    auto program = read_program(path).context(doing);
    if (!program) return std::move(program).error();
    auto architecture = static_program_architecture(*program).context(path.string()).context(doing);
    if (!architecture) return std::move(architecture).error();

    oci_layout::Image image;
    image.architecture = *architecture;
    image.entrypoint = definition.entrypoint;
    for (const auto& [name, value] : definition.env) image.env.push_back(name + "=" + value);
    image.labels = definition.labels;
    image.tag = request.tag;
    image.compression = request.compression;
    BuiltAction built{definition.name, *architecture, {}, program->size(), 0};
    image.entries.push_back(
        {oci_layout::EntryKind::file, definition.program, 0755, *std::move(program)});
    auto written = oci_layout::write_layout(request.out, image).context(doing);
    if (!written) return std::move(written).error();
    built.manifest = written->manifest;
    built.layer_bytes = written->layer_bytes;
    return built;
}

}  // namespace osiekit::action
