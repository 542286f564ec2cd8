#include "builder/image/segment.hpp"

#include <algorithm>
#include <mutex>

#include "builder/cache/crew.hpp"
#include "builder/image/cpio_writer.hpp"
#include "builder/image/frame_writer.hpp"

namespace osiekit::builder {

using nlohmann::json;

namespace {

constexpr std::uint64_t page = 4096;

// What segments that are packed at the same time may take together. The largest ones, with a window
// of 32 MiB, take about 70 MiB each; more than this helps little and costs a small machine dearly.
constexpr std::uint64_t packing_memory = 144ULL << 20U;

std::uint64_t content_size(const Tree::Entries& entries) {
    std::uint64_t bytes = 0;
    for (const auto& [path, entry] : entries) bytes += entry.content.size();
    return bytes;
}

// Several segments are packed at a time, so one gets few of the cores.
unsigned workers_of_one(unsigned parallel) {
    constexpr unsigned most = 4;
    return std::clamp(parallel / 4, 1U, most);
}

// Of compressing so much: the window and what is read ahead of it, the frame, the workers' tables.
std::uint64_t memory_to_pack(std::uint64_t bytes, unsigned parallel,
                             const CompressionOptions& options) {
    constexpr std::uint64_t tables = 8ULL << 20U;
    std::uint64_t window =
        std::min<std::uint64_t>(bytes, 1ULL << static_cast<unsigned>(options.window_log));
    return 2 * window + bytes / 4 + tables * workers_of_one(parallel);
}

// `origin` is the number of its origin.
json entry_to_json(const std::string& path, const Entry& entry, std::size_t origin) {
    return json{path,        to_string(entry.type), entry.mode,           entry.uid,
                entry.gid,   entry.target,          entry.content.size(), entry.major,
                entry.minor, entry.link_group,      entry.implied,        origin};
}

// Throws nlohmann's exceptions; the caller takes them for a cache miss.
Tree::Entries entries_from_json(const json& list, const json& origins) {
    Tree::Entries entries;
    for (const json& item : list) {
        Entry entry;
        parse_entry_type(item.at(1).get<std::string>(), entry.type);
        entry.mode = item.at(2).get<std::uint32_t>();
        entry.uid = item.at(3).get<std::uint32_t>();
        entry.gid = item.at(4).get<std::uint32_t>();
        entry.target = item.at(5).get<std::string>();
        entry.content = FileContent::opaque(item.at(6).get<std::uint64_t>());
        entry.major = item.at(7).get<std::uint32_t>();
        entry.minor = item.at(8).get<std::uint32_t>();
        entry.link_group = item.at(9).get<std::string>();
        entry.implied = item.at(10).get<bool>();
        entry.origin = origins.at(item.at(11).get<std::size_t>()).get<std::string>();
        entries.emplace(item.at(0).get<std::string>(), std::move(entry));
    }
    return entries;
}

}  // namespace

std::uint64_t memory_of(const Tree::Entries& entries) {
    std::uint64_t bytes = 0;
    std::map<std::string_view, bool> seen;
    for (const auto& [path, entry] : entries) {
        if (entry.type != EntryType::file) continue;
        if (!entry.link_group.empty() && !seen.emplace(entry.link_group, true).second) continue;
        bytes += (entry.content.size() + page - 1) / page * page;
    }
    return bytes;
}

std::string SegmentPacker::parameters() const {
    return compression_key(options_.compression);
}

Status SegmentPacker::check_cancelled() const {
    if (failed_ || (options_.cancelled && options_.cancelled()))
        return Error(ErrorKind::cancelled, "interrupted");
    return {};
}

Result<SegmentPacker::Measured> SegmentPacker::measure(const SegmentRequest& request) const {
    Sha256Stream stream;
    Measured measured;
    auto sink = [&](std::string_view piece) -> Status {
        OSIEKIT_TRY(check_cancelled());
        stream.update(piece);
        measured.size += piece.size();
        return {};
    };
    OSIEKIT_TRY(write_cpio(request.entries, options_.mtime, request.last, sink));
    measured.digest = stream.finish();
    return measured;
}

// Fills in the compressed side of a segment from the cache.
Result<bool> SegmentPacker::find_frame(Segment& segment) {
    auto recipe = recipes_.find("frame 1 " + segment.content_digest.hex() + " " + parameters());
    if (!recipe || !(*recipe)["digest"].is_string()) return false;
    auto digest = Sha256::parse((*recipe)["digest"].get<std::string>());
    if (!digest) return false;
    OSIEKIT_ASSIGN(auto file, blobs_.find(*digest));
    if (!file) return false;
    std::error_code error;
    auto size = std::filesystem::file_size(*file, error);
    if (error) return false;
    segment.digest = *digest;
    segment.file = *file;
    segment.size = size;
    segment.from_cache = !options_.compressed->has(segment.content_digest);
    return true;
}

Status SegmentPacker::compress(const SegmentRequest& request, Segment& segment,
                               const std::function<void(std::size_t)>& moved) {
    std::string frame;
    CompressionOptions compression = options_.compression;
    compression.workers = workers_of_one(options_.parallel);
    OSIEKIT_ASSIGN(auto writer, make_frame_writer(compression, segment.unpacked,
                                                  [&](std::string_view piece) -> Status {
                                                      frame += piece;
                                                      return {};
                                                  }));
    auto sink = [&](std::string_view piece) -> Status {
        OSIEKIT_TRY(check_cancelled());
        moved(piece.size());
        return writer->write(piece);
    };
    OSIEKIT_TRY(write_cpio(request.entries, options_.mtime, request.last, sink));
    OSIEKIT_TRY(writer->finish());
    frame.append(frame_padding(options_.compression.method, frame.size()), '\0');
    segment.digest = Sha256::of(frame);
    options_.compressed->add(segment.content_digest);
    segment.size = frame.size();
    OSIEKIT_ASSIGN(segment.file, blobs_.put(frame, segment.digest, {"segment", segment.name}));
    return recipes_.put("frame 1 " + segment.content_digest.hex() + " " + parameters(),
                        json{{"digest", segment.digest.hex()}});
}

Result<Segment> SegmentPacker::look_up(const SegmentRequest& request) {
    OSIEKIT_ASSIGN(Measured measured, measure(request));
    Segment segment;
    segment.name = request.name;
    segment.content_digest = measured.digest;
    segment.unpacked = measured.size;
    segment.memory = memory_of(request.entries);
    OSIEKIT_TRY(find_frame(segment));
    return segment;
}

Result<Segment> SegmentPacker::pack(SegmentRequest request,
                                    const std::function<void(std::size_t)>& moved) {
    OSIEKIT_ASSIGN(Segment segment, look_up(request));
    if (!segment.file.empty())
        moved(segment.unpacked);
    else
        OSIEKIT_TRY(compress(request, segment, moved));
    segment.entries = std::move(request.entries);
    return segment;
}

Result<std::vector<Segment>> SegmentPacker::pack_all(std::vector<SegmentRequest> requests) {
    std::vector<std::optional<Segment>> packed(requests.size());
    std::mutex mutex;
    Progress state;
    state.current = "packing";
    state.files_total = requests.size();
    for (const SegmentRequest& request : requests)
        state.bytes_total += content_size(request.entries);
    auto moved = [&](std::size_t bytes) {
        if (!options_.progress) return;
        std::lock_guard lock(mutex);
        state.bytes_done = std::min(state.bytes_done + bytes, state.bytes_total);
        options_.progress(state);
    };
    Crew crew(options_.parallel, packing_memory);
    for (std::size_t i = 0; i < requests.size(); ++i) {
        std::uint64_t bytes = content_size(requests[i].entries);
        std::uint64_t memory = memory_to_pack(bytes, options_.parallel, options_.compression);
        crew.add(memory, [&, i]() -> Status {
            std::string name = requests[i].name;
            auto done = pack(std::move(requests[i]), moved).context("packing segment " + name);
            if (!done) {
                failed_ = true;
                return std::move(done).error();
            }
            packed[i] = *std::move(done);
            return {};
        });
    }
    OSIEKIT_TRY(crew.finish());
    std::vector<Segment> segments;
    for (auto& segment : packed) segments.push_back(*std::move(segment));
    return segments;
}

Result<std::optional<SegmentPacker::Kept>> SegmentPacker::recall(const std::string& key) {
    auto recipe = recipes_.find("segment 2 " + key + " mtime " + std::to_string(options_.mtime));
    if (!recipe) return std::optional<Kept>();
    try {
        Kept kept;
        Segment& segment = kept.segment;
        segment.name = recipe->at("name").get<std::string>();
        auto digest = Sha256::parse(recipe->at("content_digest").get<std::string>());
        if (!digest) return std::optional<Kept>();
        segment.content_digest = *digest;
        segment.unpacked = recipe->at("unpacked").get<std::uint64_t>();
        segment.memory = recipe->at("memory").get<std::uint64_t>();
        segment.entries = entries_from_json(recipe->at("entries"), recipe->at("origins"));
        kept.extra = recipe->at("extra");
        OSIEKIT_ASSIGN(bool found, find_frame(segment));
        if (!found) return std::optional<Kept>();
        return std::optional<Kept>(std::move(kept));
    } catch (const json::exception&) {
        return std::optional<Kept>();
    }
}

Status SegmentPacker::keep(const std::string& key, const Segment& segment, const json& extra) {
    json entries = json::array();
    json origins = json::array();
    std::map<std::string_view, std::size_t> numbers;
    for (const auto& [path, entry] : segment.entries) {
        auto [number, added] = numbers.emplace(entry.origin, origins.size());
        if (added) origins.push_back(entry.origin);
        entries.push_back(entry_to_json(path, entry, number->second));
    }
    return recipes_.put("segment 2 " + key + " mtime " + std::to_string(options_.mtime),
                        json{{"name", segment.name},
                             {"content_digest", segment.content_digest.hex()},
                             {"unpacked", segment.unpacked},
                             {"memory", segment.memory},
                             {"origins", std::move(origins)},
                             {"entries", std::move(entries)},
                             {"extra", extra}});
}

}  // namespace osiekit::builder
