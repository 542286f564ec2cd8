#include "builder/image/extract.hpp"

#include <cstdio>
#include <memory>

#include "builder/commands/command.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

struct ExtractArguments {
    std::string image;
    std::string to;
    bool list = false;
};

constexpr std::size_t longest_shown = 4096;

constexpr std::string_view examples = R"(
Examples:
  osiekit extract out/virtual --to /tmp/virtual
  osiekit extract /boot/initrd.img --list

Unpacks an initramfs of any maker into the new folder DIR, as it stands once the kernel has unpacked it. Nothing
is written outside DIR, whatever names and symlinks the image has: a name with ".." refuses the whole. A user who
is not root gets no device nodes (they are listed), owners or set-id bits. DIR appears when all of it is there.

Exit status: 0 done, 1 failed, 2 not a usable image, or DIR is there already.
)";

Status run_extract(const ExtractArguments& arguments) {
    std::filesystem::path file = initramfs_of(arguments.image);
    OSIEKIT_ASSIGN(std::string image, read_file(file, largest_image));
    if (arguments.list) {
        auto inspection = inspect_initramfs(image).context(file.string());
        if (!inspection) return std::move(inspection).error();
        for (const auto& [path, place] : contents_of(std::move(inspection).value()).files)
            if (!path.empty()) std::printf("%s\n", printable(path, longest_shown).c_str());
        return {};
    }
    if (arguments.to.empty())
        return Error(ErrorKind::invalid_input, "extract needs --to DIR or --list");
    auto report = extract_initramfs(image, arguments.to).context("extracting " + file.string());
    if (!report) return std::move(report).error();
    for (const std::string& path : report->left_out)
        std::printf("left out: %s (a device, only root can make it)\n",
                    printable(path, longest_shown).c_str());
    for (const std::string& path : report->no_target)
        std::printf("left out: %s (a symlink without a target)\n",
                    printable(path, longest_shown).c_str());
    std::printf("%zu files, %zu folders and %zu symlinks in %s\n", report->files,
                report->directories, report->symlinks, arguments.to.c_str());
    return {};
}

}  // namespace

void register_extract(CLI::App& app, Invocation& invocation) {
    auto arguments = std::make_shared<ExtractArguments>();
    CLI::App* command = app.add_subcommand("extract", "Unpack an initramfs into a folder");
    command->add_option("IMAGE", arguments->image, "Initramfs, or a folder with one")->required();
    CLI::Option* to =
        command->add_option("--to", arguments->to, "The new folder")->type_name("DIR");
    command->add_flag("--list", arguments->list, "Only print the paths")->excludes(to);
    command->footer(std::string(examples));
    command->callback([arguments, &invocation] {
        invocation.run = [arguments] { return run_extract(*arguments); };
    });
}

}  // namespace osiekit::builder
