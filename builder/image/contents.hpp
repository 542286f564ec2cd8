#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "builder/image/inspect.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

constexpr std::uint64_t largest_image = 4ULL
                                        << 30U;  // bytes of an initramfs file that is looked at

// An entry by its place.
struct EntryPlace {
    std::size_t segment = 0;
    std::size_t number = 0;
};

// What an initramfs holds once the kernel has unpacked all of it: later entries replace earlier
// ones.
struct Contents {
    Inspection inspection;
    std::map<std::string, EntryPlace, std::less<>> files;  // by normal path
    std::set<std::string> modules;                         // names, with "_"
    std::set<std::string> kernels;                         // versions that there are modules for
    std::string maker;        // "osiekit", "dracut", "initramfs-tools" or empty
    nlohmann::json manifest;  // of an image of ours in its folder, else null

    const InspectedEntry& entry(const EntryPlace& place) const {
        return inspection.segments[place.segment].entries[place.number];
    }
};

// "./usr//bin/" → "usr/bin"; the root itself is empty. nullopt: a part is "..".
std::optional<std::string> normal_path(std::string_view path);

Contents contents_of(Inspection inspection);

// PATH is an initramfs, or a folder that "osiekit build" wrote. Errors: as inspect_initramfs, with
// the path; invalid_input (a manifest that is no JSON object).
Result<Contents> load_contents(const std::filesystem::path& path);
std::filesystem::path initramfs_of(const std::filesystem::path& path);

// As "ls -l" writes it.
std::string mode_text(std::uint32_t mode);

}  // namespace osiekit::builder
