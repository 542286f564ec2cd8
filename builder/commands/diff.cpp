#include "builder/image/diff.hpp"

#include <cstdio>
#include <memory>

#include "builder/commands/command.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

struct DiffArguments {
    std::string before;
    std::string after;
    bool json = false;
};

constexpr std::size_t longest_shown = 4096;
constexpr int different_status = 1;
constexpr int trouble_status = 2;

constexpr std::string_view examples = R"(
Examples:
  osiekit diff out/old out/new
  osiekit diff /boot/initrd.img out/virtual/initramfs
  osiekit diff out/old out/new --json | jq -r '.files[].name'

A and B are initramfs files of any maker, or folders made by "osiekit build", whose manifests say what packages
there are. Compared is what stands in the root file system once the kernel has unpacked them: type, mode, owner,
size, content. How an image is cut into segments and compressed is no difference, nor are times.

Exit status: 0 the same, 1 different, 2 trouble.
)";

void print_list(const char* what, const std::vector<Difference>& list) {
    for (const Difference& item : list) {
        std::string name = printable(item.name, longest_shown);
        auto text = [](const std::string& side) { return printable(side, longest_shown); };
        if (item.before.empty() || item.after.empty()) {
            bool gone = item.after.empty();
            const std::string& side = gone ? item.before : item.after;
            std::printf("%c %s %s%s%s\n", gone ? '-' : '+', what, name.c_str(),
                        side == "present" ? "" : "  ", side == "present" ? "" : text(side).c_str());
            continue;
        }
        std::printf("! %s %s\n    - %s\n    + %s\n", what, name.c_str(), text(item.before).c_str(),
                    text(item.after).c_str());
    }
}

void print_text(const ImageDiff& diff) {
    print_list("package", diff.packages);
    print_list("kernel", diff.kernels);
    print_list("module", diff.modules);
    print_list("file", diff.files);
    std::printf("size %s -> %s, unpacked %s -> %s\n", human_size(diff.size_before).c_str(),
                human_size(diff.size_after).c_str(), human_size(diff.unpacked_before).c_str(),
                human_size(diff.unpacked_after).c_str());
}

Result<int> run_diff(const DiffArguments& arguments) {
    OSIEKIT_ASSIGN(Contents before, load_contents(arguments.before));
    OSIEKIT_ASSIGN(Contents after, load_contents(arguments.after));
    ImageDiff diff = diff_images(before, after);
    if (arguments.json)
        std::printf(
            "%s\n",
            diff_json(diff).dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    else
        print_text(diff);
    return diff.same() ? 0 : different_status;
}

}  // namespace

void register_diff(CLI::App& app, Invocation& invocation) {
    auto arguments = std::make_shared<DiffArguments>();
    CLI::App* command = app.add_subcommand("diff", "Show how the contents of two images differ");
    command->add_option("A", arguments->before, "Initramfs, or a folder with one")->required();
    command->add_option("B", arguments->after, "Another one")->required();
    command->add_flag("--json", arguments->json, "Print the differences as JSON");
    command->footer(std::string(examples));
    command->callback([arguments, &invocation] {
        invocation.run = [arguments, &invocation]() -> Status {
            // As diff(1): 1 is for a difference, so that trouble is always 2.
            invocation.failure_status = trouble_status;
            OSIEKIT_ASSIGN(invocation.status, run_diff(*arguments));
            return {};
        };
    });
}

}  // namespace osiekit::builder
