#include "builder/commands/cache_text.hpp"

#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t shown_digits = 12;  // of a digest, for people

std::string time_text(const timespec& time, const char* format) {
    std::tm parts{};
    std::array<char, 32> text{};
    ::gmtime_r(&time.tv_sec, &parts);
    std::size_t length = std::strftime(text.data(), text.size(), format, &parts);
    return {text.data(), length};
}

std::string counted(std::uint64_t count, const char* one, const char* many) {
    return std::to_string(count) + " " + (count == 1 ? one : many);
}

std::string left(std::string text, std::size_t width) {
    if (text.size() < width) text.append(width - text.size(), ' ');
    return text;
}

std::string right(const std::string& text, std::size_t width) {
    return std::string(text.size() < width ? width - text.size() : 0, ' ') + text;
}

std::string line_of(const CacheEntry& entry) {
    std::string digest = entry.digest ? entry.digest->hex().substr(0, shown_digits) : "";
    return left(printable(entry.kind), 15) + right(human_size(entry.size), 10) + "  " +
           time_text(entry.last_use, "%Y-%m-%d %H:%M") + "  " + left(digest, shown_digits) + "  " +
           printable(entry.name) + (entry.in_use ? "  (in use)" : "") + "\n";
}

Json entry_json(const CacheEntry& entry) {
    Json item = {{"kind", entry.kind}, {"name", entry.name}};
    item["digest"] = entry.digest ? Json(entry.digest->oci()) : Json();
    item["size"] = entry.size;
    item["last_use"] = time_text(entry.last_use, "%Y-%m-%dT%H:%M:%SZ");
    item["in_use"] = entry.in_use;
    item["file"] = entry.file.string();
    return item;
}

Json list_json(const std::vector<CacheEntry>& entries) {
    Json list = Json::array();
    for (const CacheEntry& entry : entries) list.push_back(entry_json(entry));
    return list;
}

std::string dumped(const Json& document) {
    return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string entries_text(const std::filesystem::path& cache, const std::vector<CacheEntry>& entries,
                         bool all) {
    struct Sum {
        std::uint64_t count = 0;
        std::uint64_t size = 0;
    };
    std::map<std::string, Sum> records;
    std::uint64_t total = 0;
    std::string text = left("KIND", 15) + right("SIZE", 10) + "  " + left("LAST USE, UTC", 16) +
                       "  " + left("DIGEST", shown_digits) + "  WHAT\n";
    for (const CacheEntry& entry : entries) {
        total += entry.size;
        if (all || entry.place != EntryPlace::record) {
            text += line_of(entry);
            continue;
        }
        Sum& sum = records[entry.kind];
        ++sum.count;
        sum.size += entry.size;
    }
    for (const auto& [kind, sum] : records)
        text += left(kind, 15) + right(human_size(sum.size), 10) + "  " +
                counted(sum.count, "record", "records") + "\n";
    return text + counted(entries.size(), "entry", "entries") + ", " + human_size(total) + " in " +
           cache.string() + "\n";
}

std::string entries_json(const std::filesystem::path& cache,
                         const std::vector<CacheEntry>& entries) {
    std::uint64_t total = 0;
    for (const CacheEntry& entry : entries) total += entry.size;
    return dumped(
        {{"cache", cache.string()}, {"total_size", total}, {"entries", list_json(entries)}});
}

std::string collected_text(const Collected& collected, bool dry_run) {
    std::string text;
    for (const CacheEntry& entry : collected.removed) text += line_of(entry);
    for (const LeftOver& left_over : collected.left_overs)
        text += left("left-over", 15) + right(human_size(left_over.size), 10) + "  " +
                printable(left_over.file.string()) + "\n";
    std::size_t count = collected.removed.size() + collected.left_overs.size();
    return text + (dry_run ? "would remove " : "removed ") + counted(count, "file", "files") +
           ", " + human_size(collected.freed) + "; " + (dry_run ? "would keep " : "kept ") +
           counted(collected.kept_entries, "entry", "entries") + ", " + human_size(collected.kept) +
           "\n";
}

std::string collected_json(const Collected& collected, bool dry_run) {
    Json left_overs = Json::array();
    for (const LeftOver& left_over : collected.left_overs)
        left_overs.push_back({{"file", left_over.file.string()}, {"size", left_over.size}});
    return dumped({{"dry_run", dry_run},
                   {"freed", collected.freed},
                   {"kept", collected.kept},
                   {"kept_entries", collected.kept_entries},
                   {"removed", list_json(collected.removed)},
                   {"left_overs", left_overs}});
}

std::string verified_text(const Verified& verified, bool dry_run) {
    std::string text;
    for (const CacheEntry& entry : verified.damaged) text += "damaged: " + line_of(entry);
    text += counted(verified.entries, "entry", "entries") + ", " + human_size(verified.bytes) +
            ": " + std::to_string(verified.damaged.size()) + " damaged";
    if (!verified.damaged.empty() && !dry_run) text += " and removed";
    return text + "\n";
}

std::string verified_json(const Verified& verified, bool dry_run) {
    return dumped({{"dry_run", dry_run},
                   {"entries", verified.entries},
                   {"bytes", verified.bytes},
                   {"damaged", list_json(verified.damaged)}});
}

}  // namespace osiekit::builder
