#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "agent/commands/command.hpp"
#include "agent/commands/common.hpp"
#include "agent/image_source.hpp"
#include "lib/base/text.hpp"

namespace osiekit::agent {
namespace {

namespace fs = std::filesystem;

constexpr const char* footer =
    "Examples:\n"
    "  tink-worker images\n"
    "  tink-worker images --json | jq -r '.images[].reference'";

// An image of the store with what is there of it now.
struct Shelf {
    ImageRecord record;
    std::size_t present = 0;  // layers
    std::uint64_t bytes = 0;  // of those, unpacked; shared ones count for each image
};

std::uint64_t tree_bytes(const fs::path& path) {
    std::uint64_t total = 0;
    std::error_code failure;
    for (fs::recursive_directory_iterator entry(path, failure), end; entry != end && !failure;
         entry.increment(failure)) {
        std::error_code ignored;
        if (fs::symlink_status(entry->path(), ignored).type() == fs::file_type::regular)
            total += entry->file_size(ignored);
    }
    return total;
}

std::vector<Shelf> look(const fs::path& store) {
    std::vector<Shelf> shelves;
    for (ImageRecord& record : image_records(store)) {
        Shelf shelf{std::move(record)};
        for (const std::string& layer : shelf.record.diff_ids) {
            auto path = store / "images" / "layers" / layer;
            std::error_code failure;
            if (!fs::is_directory(path, failure)) continue;
            ++shelf.present;
            shelf.bytes += tree_bytes(path);
        }
        // What was swept away is no image of the store any more.
        if (shelf.present > 0 || shelf.record.diff_ids.empty()) shelves.push_back(std::move(shelf));
    }
    return shelves;
}

void print_json(const std::vector<Shelf>& shelves) {
    auto list = nlohmann::json::array();
    for (const Shelf& shelf : shelves)
        list.push_back({{"reference", shelf.record.reference},
                        {"digest", shelf.record.digest},
                        {"platform", shelf.record.platform},
                        {"layers", shelf.record.diff_ids.size()},
                        {"layers_present", shelf.present},
                        {"unpacked_bytes", shelf.bytes}});
    std::printf("%s\n", nlohmann::json{{"images", list}}.dump(2).c_str());
}

void print_table(const std::vector<Shelf>& shelves) {
    std::size_t width = 9;
    for (const Shelf& shelf : shelves) width = std::max(width, shelf.record.reference.size());
    std::printf("%-*s  %-19s  %-12s  %-7s  %s\n", static_cast<int>(width), "REFERENCE", "DIGEST",
                "PLATFORM", "LAYERS", "UNPACKED");
    for (const Shelf& shelf : shelves)
        std::printf(
            "%-*s  %-19s  %-12s  %-7s  %s\n", static_cast<int>(width),
            printable(shelf.record.reference, 400).c_str(),
            shelf.record.digest.substr(0, 19).c_str(), printable(shelf.record.platform).c_str(),
            (std::to_string(shelf.present) + "/" + std::to_string(shelf.record.diff_ids.size()))
                .c_str(),
            human_size(shelf.bytes).c_str());
}

}  // namespace

int run_command_images(int argc, const char* const* argv) {
    CLI::App app("Lists the images in the store, and how many of their layers are there.",
                 "tink-worker images");
    app.footer(footer);
    CommandSettings common;
    bool json = false;
    app.add_flag("--json", json, "For programs");
    common.add_to(app, false);
    if (auto status = parse_arguments(app, argc, argv)) return *status;
    auto settings = common.resolve();
    if (!settings) return fail(settings.error());
    std::error_code failure;
    auto status = fs::status(settings->store / "images", failure);
    if (failure && status.type() != fs::file_type::not_found)
        return fail(
            Error::from_errno("looking into the store " + settings->store.string(), failure.value())
                .hint("the agent's store can be read by root only"));
    auto shelves = look(settings->store);
    if (json)
        print_json(shelves);
    else
        print_table(shelves);
    return 0;
}

}  // namespace osiekit::agent
