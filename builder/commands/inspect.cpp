#include "builder/image/contents.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "builder/commands/command.hpp"
#include "builder/image/compose.hpp"
#include "builder/packages/package.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

struct InspectArguments {
    std::string image;
    bool json = false;
    bool list = false;
};

constexpr std::size_t biggest_shown = 10;
constexpr std::size_t longest_shown = 4096;

constexpr std::string_view examples = R"(
Examples:
  osiekit inspect out/virtual/initramfs
  osiekit inspect out/virtual --list
  osiekit inspect /boot/initrd.img
  osiekit inspect initramfs --json | jq '.segments[].entries[].path'

Takes the image apart as the kernel does and fails where the kernel would: an image of ours or of another builder,
compressed with zstd, xz, gzip, lz4, bzip2, lzma, lzo or not at all. IMAGE may be a folder made by "osiekit build", whose
manifest says what packages are in it.

Exit status: 0 whole, 1 failed, 2 not a usable image.
)";

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

// The biggest files of the unpacked image, biggest first.
std::vector<std::string> biggest_files(const Contents& contents) {
    std::vector<std::string> paths;
    for (const auto& [path, place] : contents.files)
        if ((contents.entry(place).mode & S_IFMT) == S_IFREG &&
            contents.entry(place).link_to.empty())
            paths.push_back(path);
    std::stable_sort(paths.begin(), paths.end(), [&](const auto& a, const auto& b) {
        return contents.entry(contents.files.at(a)).size >
               contents.entry(contents.files.at(b)).size;
    });
    paths.resize(std::min(paths.size(), biggest_shown));
    return paths;
}

struct NamedPackage {
    std::string name;
    std::string version;
    std::string system;  // empty: of an older builder, which did not say
};

// Those that the manifest says; empty for a foreign image.
std::vector<NamedPackage> packages_of(const Contents& contents) {
    std::vector<NamedPackage> packages;
    if (!contents.manifest.is_object() || !contents.manifest.contains("packages")) return packages;
    auto text = [](const nlohmann::json& item, const char* key) -> std::string {
        auto found = item.find(key);
        return found != item.end() && found->is_string() ? found->get<std::string>() : "";
    };
    for (const auto& item : contents.manifest["packages"])
        if (item.is_object())
            packages.push_back({text(item, "name"), text(item, "version"), text(item, "system")});
    return packages;
}

void print_contents(const Contents& contents) {
    for (const std::string& version : contents.kernels)
        std::printf("kernel: %s\n", printable(version).c_str());
    if (!contents.modules.empty()) {
        std::vector<std::string> names(contents.modules.begin(), contents.modules.end());
        std::printf("modules (%zu): %s\n", names.size(),
                    printable(join(names, " "), std::size_t{1} << 20U).c_str());
    }
    for (const auto& [name, version, system] : packages_of(contents))
        std::printf("package: %s %s\n", printable(package_reference(system, name)).c_str(),
                    printable(version).c_str());
    if (!contents.maker.empty()) std::printf("made by: %s\n", contents.maker.c_str());
    std::printf("biggest files:\n");
    for (const std::string& path : biggest_files(contents))
        std::printf("  %10s  %s\n",
                    human_size(contents.entry(contents.files.at(path)).size).c_str(),
                    printable(path, longest_shown).c_str());
}

void print_text(const Contents& contents, bool list) {
    const Inspection& inspection = contents.inspection;
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
    if (!list) print_contents(contents);
    const char* end = inspection.complete ? "; complete"
                      : contents.files.count(own_folder_path) != 0
                          ? "; its last entry is not etc/osie/complete"
                          : "";
    std::printf("total: %s, unpacked %s%s\n", human_size(inspection.size).c_str(),
                human_size(inspection.unpacked).c_str(), end);
}

void print_json(const Contents& contents) {
    using nlohmann::ordered_json;
    const Inspection& inspection = contents.inspection;
    ordered_json result = {{"size", inspection.size},
                           {"unpacked", inspection.unpacked},
                           {"complete", inspection.complete}};
    result["maker"] = contents.maker;
    result["kernels"] = contents.kernels;
    result["modules"] = contents.modules;
    result["packages"] = ordered_json::array();
    for (const auto& [name, version, system] : packages_of(contents))
        result["packages"].push_back({{"name", name}, {"version", version}, {"system", system}});
    result["biggest"] = biggest_files(contents);
    result["segments"] = ordered_json::array();
    for (const InspectedSegment& segment : inspection.segments) {
        ordered_json entries = ordered_json::array();
        for (const InspectedEntry& entry : segment.entries) {
            ordered_json item = {{"path", entry.path}, {"mode", entry.mode},
                                 {"uid", entry.uid},   {"gid", entry.gid},
                                 {"size", entry.size}, {"mtime", entry.mtime}};
            if (!entry.target.empty()) item["target"] = entry.target;
            if ((entry.mode & S_IFMT) == S_IFREG) item["digest"] = entry.digest.oci();
            if (!entry.link_to.empty()) item["link_to"] = entry.link_to;
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
    OSIEKIT_ASSIGN(Contents contents, load_contents(arguments.image));
    if (arguments.json)
        print_json(contents);
    else
        print_text(contents, arguments.list);
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
