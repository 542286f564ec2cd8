#include "builder/image/inspect.hpp"

#include <sys/stat.h>

#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "builder/commands/command.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

struct InspectArguments {
    std::string image;
    bool json = false;
    bool list = false;
};

constexpr std::uint64_t largest_image = 4ULL << 30U;
constexpr std::size_t longest_shown = 4096;

constexpr std::string_view examples = R"(
Examples:
  osiekit inspect out/virtual/initramfs
  osiekit inspect out/virtual --list
  osiekit inspect initramfs --json | jq '.segments[].entries[].path'

Takes the image apart as the kernel does and fails where the kernel would. IMAGE may be a folder made by
"osiekit build".

Exit status: 0 whole, 1 failed, 2 not a usable image.
)";

// As "ls -l" writes it.
std::string mode_text(std::uint32_t mode) {
    std::string text = "?rwxrwxrwx";
    switch (mode & S_IFMT) {
        case S_IFDIR:
            text[0] = 'd';
            break;
        case S_IFREG:
            text[0] = '-';
            break;
        case S_IFLNK:
            text[0] = 'l';
            break;
        case S_IFCHR:
            text[0] = 'c';
            break;
        case S_IFBLK:
            text[0] = 'b';
            break;
        default:
            break;
    }
    for (unsigned bit = 0; bit < 9; ++bit)
        if ((mode & (0400U >> bit)) == 0) text[bit + 1] = '-';
    if ((mode & S_ISUID) != 0) text[3] = text[3] == 'x' ? 's' : 'S';
    if ((mode & S_ISGID) != 0) text[6] = text[6] == 'x' ? 's' : 'S';
    if ((mode & S_ISVTX) != 0) text[9] = text[9] == 'x' ? 't' : 'T';
    return text;
}

void print_entry(const InspectedEntry& entry) {
    std::string size = std::to_string(entry.size);
    std::uint32_t type = entry.mode & S_IFMT;
    if (type == S_IFCHR || type == S_IFBLK)
        size = std::to_string(entry.device_major) + "," + std::to_string(entry.device_minor);
    std::string name = printable(entry.path, longest_shown);
    if (!entry.target.empty()) name += " -> " + printable(entry.target, longest_shown);
    std::printf("  %s %5u %5u %10s  %s\n", mode_text(entry.mode).c_str(), entry.uid, entry.gid,
                size.c_str(), name.c_str());
}

void print_text(const Inspection& inspection, bool list) {
    std::size_t number = 0;
    for (const InspectedSegment& segment : inspection.segments) {
        std::printf("segment %zu at %llu: %s, %s, unpacked %s, %zu entries\n", number++,
                    static_cast<unsigned long long>(segment.offset),
                    std::string(to_string(segment.compression)).c_str(),
                    human_size(segment.size).c_str(), human_size(segment.unpacked).c_str(),
                    segment.entries.size());
        if (!list) continue;
        for (const InspectedEntry& entry : segment.entries) print_entry(entry);
    }
    std::printf("total: %s, unpacked %s; %s\n", human_size(inspection.size).c_str(),
                human_size(inspection.unpacked).c_str(),
                inspection.complete ? "complete" : "its last entry is not etc/osie/complete");
}

void print_json(const Inspection& inspection) {
    using nlohmann::ordered_json;
    ordered_json result = {{"size", inspection.size},
                           {"unpacked", inspection.unpacked},
                           {"complete", inspection.complete}};
    result["segments"] = ordered_json::array();
    for (const InspectedSegment& segment : inspection.segments) {
        ordered_json entries = ordered_json::array();
        for (const InspectedEntry& entry : segment.entries) {
            ordered_json item = {{"path", entry.path}, {"mode", entry.mode},
                                 {"uid", entry.uid},   {"gid", entry.gid},
                                 {"size", entry.size}, {"mtime", entry.mtime}};
            if (!entry.target.empty()) item["target"] = entry.target;
            std::uint32_t type = entry.mode & S_IFMT;
            if (type == S_IFCHR || type == S_IFBLK)
                item["device"] = {entry.device_major, entry.device_minor};
            entries.push_back(std::move(item));
        }
        result["segments"].push_back({{"offset", segment.offset},
                                      {"size", segment.size},
                                      {"compression", to_string(segment.compression)},
                                      {"unpacked", segment.unpacked},
                                      {"window", segment.window},
                                      {"entries", std::move(entries)}});
    }
    std::printf("%s\n",
                result.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

Status run_inspect(const InspectArguments& arguments) {
    std::filesystem::path path = arguments.image;
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) path /= "initramfs";
    OSIEKIT_ASSIGN(std::string image, read_file(path, largest_image));
    auto inspection = inspect_initramfs(image).context(path.string());
    if (!inspection) return std::move(inspection).error();
    if (arguments.json)
        print_json(*inspection);
    else
        print_text(*inspection, arguments.list);
    return {};
}

}  // namespace

void register_inspect(CLI::App& app, Invocation& invocation) {
    auto arguments = std::make_shared<InspectArguments>();
    CLI::App* command = app.add_subcommand("inspect", "Show what an initramfs is made of");
    command->add_option("IMAGE", arguments->image, "Initramfs, or a folder with one")->required();
    command->add_flag("--list", arguments->list, "Print every entry");
    command->add_flag("--json", arguments->json, "Print segments and entries as JSON");
    command->footer(std::string(examples));
    command->callback([arguments, &invocation] {
        invocation.run = [arguments] { return run_inspect(*arguments); };
    });
}

}  // namespace osiekit::builder
