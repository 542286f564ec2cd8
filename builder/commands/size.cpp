#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <memory>

#include "builder/commands/command.hpp"
#include "builder/image/contents.hpp"
#include "builder/image/output_names.hpp"
#include "builder/report/size_tree.hpp"
#include "builder/report/treemap.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

struct SizeArguments {
    std::string image;
    std::string svg;
    std::size_t depth = 2;
    bool all = false;
    bool json = false;
};

constexpr std::size_t longest_shown = 4096;
constexpr std::size_t all_levels = 1000;
constexpr double least_shown = 0.005;  // of the whole

constexpr std::string_view examples = R"(
Examples:
  osiekit size out/virtual
  osiekit size out/virtual --depth 4
  osiekit size out/virtual --svg virtual.svg
  osiekit size /boot/initrd.img --json | jq '.children[] | {name, packed}'

Says where the bytes of an image go: by segment (of an image of ours: its packages and programs), folder and file.
SHARE and PACKED are of the image as a machine loads it: a segment's compressed bytes are shared out among its files by
their size, as the compressor does not tell them apart. IMAGE may be a folder made by "osiekit build", whose kernel is
counted as well, or an initramfs of any maker.
)";

std::string bar(double share) {
    constexpr int width = 20;
    auto full = static_cast<int>(std::lround(share * width));
    std::string text;
    for (int i = 0; i < width; ++i) text += i < full ? "█" : "·";
    return text;
}

void print_node(const SizeNode& node, double whole, std::size_t level, bool terminal) {
    double share = whole > 0 ? static_cast<double>(node.packed) / whole : 0;
    std::string name = printable(node.name, longest_shown);
    std::string line(2 * level, ' ');
    if (terminal && level <= 1)
        line += "\x1b[1m" + name + "\x1b[0m";
    else
        line += name;
    std::printf("%s%5.1f %%  %10s  %10s  %7llu  %s\n", terminal ? (bar(share) + " ").c_str() : "",
                100 * share, human_size(node.packed).c_str(), human_size(node.unpacked).c_str(),
                static_cast<unsigned long long>(node.files), line.c_str());
    for (const SizeNode& child : node.children) print_node(child, whole, level + 1, terminal);
}

Result<std::uint64_t> kernel_size(const std::filesystem::path& image) {
    std::error_code error;
    std::filesystem::path vmlinuz = image / output_names(image).kernel;
    if (!std::filesystem::is_directory(image, error) || !std::filesystem::exists(vmlinuz, error))
        return std::uint64_t{0};
    std::uint64_t size = std::filesystem::file_size(vmlinuz, error);
    if (error)
        return Error(ErrorKind::io, "cannot look at " + vmlinuz.string() + ": " + error.message());
    return size;
}

Status run_size(const SizeArguments& arguments) {
    OSIEKIT_ASSIGN(Contents contents, load_contents(arguments.image));
    OSIEKIT_ASSIGN(std::uint64_t vmlinuz, kernel_size(arguments.image));
    SizeNode tree = size_tree(contents, vmlinuz);
    if (!arguments.svg.empty()) {
        TreemapOptions options;
        std::filesystem::path path(arguments.image);
        options.title = (path.has_filename() ? path : path.parent_path()).filename().string();
        OSIEKIT_TRY(
            write_file(arguments.svg, treemap_svg(tree, options)).context("writing the picture"));
    }
    SizeNode shown =
        arguments.all ? pruned(tree, all_levels, 0) : pruned(tree, arguments.depth, least_shown);
    if (arguments.json) {
        std::printf("%s\n", size_json(arguments.all ? tree : pruned(tree, arguments.depth, 0))
                                .dump(2, ' ', false, nlohmann::json::error_handler_t::replace)
                                .c_str());
        return {};
    }
    if (!arguments.svg.empty()) {
        std::fprintf(stderr, "wrote %s\n", arguments.svg.c_str());
        return {};
    }
    bool terminal = ::isatty(STDOUT_FILENO) == 1;
    std::printf("%s  SHARE      PACKED    UNPACKED    FILES  NAME\n",
                terminal ? std::string(21, ' ').c_str() : "");
    print_node(shown, static_cast<double>(tree.packed), 0, terminal);
    return {};
}

}  // namespace

void register_size(CLI::App& app, Invocation& invocation) {
    auto arguments = std::make_shared<SizeArguments>();
    CLI::App* command =
        app.add_subcommand("size", "Show where the bytes of an image go, as a tree or a picture");
    command->add_option("IMAGE", arguments->image, "Initramfs, or a folder with one")->required();
    command->add_option("--depth", arguments->depth, "Levels of the tree (2: segments and folders)")
        ->type_name("N")
        ->check(CLI::Range(0, 64));
    command->add_flag("--all", arguments->all, "Every file, however small");
    command->add_option("--svg", arguments->svg, "Write a treemap instead, as an SVG picture")
        ->type_name("FILE");
    command->add_flag("--json", arguments->json, "Print the tree as JSON, with bytes");
    command->footer(std::string(examples));
    command->callback([arguments, &invocation] {
        invocation.run = [arguments] { return run_size(*arguments); };
    });
}

}  // namespace osiekit::builder
