#include "builder/image/segment.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "builder/image/cpio_writer.hpp"
#include "builder/image/frame_writer.hpp"

namespace osiekit::builder {

using nlohmann::json;

namespace {

constexpr std::uint64_t page = 4096;

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
    if (options_.cancelled && options_.cancelled())
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
    segment.from_cache = true;
    return true;
}

Status SegmentPacker::compress(const SegmentRequest& request, Segment& segment,
                               const std::function<void(std::size_t)>& moved) {
    std::string frame;
    OSIEKIT_ASSIGN(auto writer, make_frame_writer(options_.compression, segment.unpacked,
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
    if (segment.from_cache)
        moved(segment.unpacked);
    else
        OSIEKIT_TRY(compress(request, segment, moved));
    segment.entries = std::move(request.entries);
    return segment;
}

Result<std::vector<Segment>> SegmentPacker::pack_all(std::vector<SegmentRequest> requests) {
    std::vector<std::optional<Result<Segment>>> results(requests.size());
    std::atomic<std::size_t> next = 0;
    std::mutex mutex;
    Progress state;
    state.current = "packing";
    state.files_total = requests.size();
    for (const SegmentRequest& request : requests)
        for (const auto& [path, entry] : request.entries) state.bytes_total += entry.content.size();
    auto moved = [&](std::size_t bytes) {
        if (!options_.progress) return;
        std::lock_guard lock(mutex);
        state.bytes_done = std::min(state.bytes_done + bytes, state.bytes_total);
        options_.progress(state);
    };
    auto work = [&] {
        for (std::size_t i = next++; i < requests.size(); i = next++) {
            std::string name = requests[i].name;
            results[i] = pack(std::move(requests[i]), moved).context("packing segment " + name);
            if (!*results[i]) next = requests.size();
        }
    };
    std::vector<std::thread> threads;
    std::size_t count = std::min<std::size_t>(std::max(1U, options_.parallel), requests.size());
    for (std::size_t i = 1; i < count; ++i) threads.emplace_back(work);
    work();
    for (std::thread& thread : threads) thread.join();
    std::vector<Segment> segments;
    for (auto& result : results)
        if (result && !*result) return std::move(*result).error();
    for (auto& result : results) {
        if (!result) return Error(ErrorKind::internal, "a segment was not packed");
        segments.push_back(std::move(*result).value());
    }
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
