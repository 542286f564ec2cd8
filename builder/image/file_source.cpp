#include "builder/image/file_source.hpp"

#include <algorithm>

#include "builder/image/compose.hpp"

namespace osiekit::builder {

namespace {

constexpr std::pair<FileSource::Kind, std::string_view> kinds[] = {
    {FileSource::Kind::package, "package "},
    {FileSource::Kind::program, "program "},
    {FileSource::Kind::profile, "profile "}};
constexpr std::string_view builder_text = "builder";

}  // namespace

std::string FileSource::to_string() const {
    for (const auto& [known, word] : kinds)
        if (known == kind) return std::string(word) + name;
    return std::string(builder_text);
}

std::optional<FileSource> FileSource::parse(std::string_view text) {
    if (text == builder_text) return FileSource{};
    for (const auto& [kind, word] : kinds)
        if (text.starts_with(word) && text.size() > word.size())
            return FileSource{kind, std::string(text.substr(word.size()))};
    return std::nullopt;
}

std::string relative_name(const std::filesystem::path& file,
                          const std::filesystem::path& directory) {
    std::filesystem::path plain = file.lexically_normal();
    if (directory.empty()) return plain.string();
    std::filesystem::path relative = plain.lexically_relative(directory.lexically_normal());
    return relative.empty() ? plain.string() : relative.string();
}

FileSource source_of(std::string_view origin, const std::filesystem::path& profile_directory) {
    if (origin == base_origin) return {};
    auto source = FileSource::parse(origin);
    if (source && source->kind != FileSource::Kind::profile) return *source;
    std::size_t colon = origin.rfind(':');
    std::string name = relative_name(origin.substr(0, colon), profile_directory);
    if (colon != std::string_view::npos) name += origin.substr(colon);
    return {FileSource::Kind::profile, std::move(name)};
}

SegmentSources sources_of(const Segment& segment, const std::filesystem::path& profile_directory) {
    SegmentSources sources;
    std::map<std::string_view, FileSource> known;
    for (const auto& [path, entry] : segment.entries) {
        auto found = known.find(entry.origin);
        if (found == known.end())
            found = known.emplace(entry.origin, source_of(entry.origin, profile_directory)).first;
        sources.others[found->second].push_back(path);
    }
    // Folders that the image's base states as well do not count.
    auto files = [&](const std::vector<std::string>& paths) {
        return std::count_if(paths.begin(), paths.end(), [&](const std::string& path) {
            return segment.entries.at(path).type != EntryType::directory;
        });
    };
    auto fewer = [&](const auto& a, const auto& b) { return files(a.second) < files(b.second); };
    auto most = std::max_element(sources.others.begin(), sources.others.end(), fewer);
    if (most == sources.others.end()) return sources;
    sources.most = most->first;
    sources.others.erase(most);
    return sources;
}

}  // namespace osiekit::builder
