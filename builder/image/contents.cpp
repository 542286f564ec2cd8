#include "builder/image/contents.hpp"

#include <sys/stat.h>

#include "builder/image/output_names.hpp"
#include "builder/kernel/modinfo.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

void note_module(std::string_view path, Contents& contents) {
    if (path.starts_with("usr/")) path.remove_prefix(4);
    constexpr std::string_view folder = "lib/modules/";
    if (!path.starts_with(folder)) return;
    path.remove_prefix(folder.size());
    std::size_t slash = path.find('/');
    if (slash == std::string_view::npos) return;
    std::string name = module_name_of_path(path.substr(slash + 1));
    if (name.empty()) return;
    contents.kernels.emplace(path.substr(0, slash));
    contents.modules.insert(std::move(name));
}

std::string maker_of(const Contents& contents) {
    if (contents.inspection.complete) return "osiekit";
    auto has = [&](std::string_view path) { return contents.files.count(path) != 0; };
    if (has("usr/lib/dracut") || has("lib/dracut")) return "dracut";
    if (has("conf/initramfs.conf") || has("scripts/init-top")) return "initramfs-tools";
    return {};
}

}  // namespace

std::optional<std::string> normal_path(std::string_view path) {
    std::string normal;
    for (std::string_view part : split(path, '/')) {
        if (part.empty() || part == ".") continue;
        if (part == "..") return std::nullopt;
        if (!normal.empty()) normal += '/';
        normal += part;
    }
    return normal;
}

Contents contents_of(Inspection inspection) {
    Contents contents;
    contents.inspection = std::move(inspection);
    const auto& segments = contents.inspection.segments;
    for (std::size_t i = 0; i < segments.size(); ++i)
        for (std::size_t j = 0; j < segments[i].entries.size(); ++j) {
            const InspectedEntry& entry = segments[i].entries[j];
            if (entry.ignored) continue;
            // The kernel walks ".." as any program does; who compares names sees it as it is.
            std::string path = normal_path(entry.path).value_or(entry.path);
            contents.files.insert_or_assign(std::move(path), EntryPlace{i, j});
        }
    for (const auto& [path, place] : contents.files)
        if ((contents.entry(place).mode & S_IFMT) == S_IFREG) note_module(path, contents);
    contents.maker = maker_of(contents);
    return contents;
}

std::filesystem::path initramfs_of(const std::filesystem::path& path) {
    std::error_code error;
    return std::filesystem::is_directory(path, error) ? path / output_names(path).initramfs : path;
}

Result<Contents> load_contents(const std::filesystem::path& path) {
    std::filesystem::path file = initramfs_of(path);
    OSIEKIT_ASSIGN(std::string image, read_file(file, largest_image));
    auto inspection = inspect_initramfs(image).context(file.string());
    if (!inspection) return std::move(inspection).error();
    Contents contents = contents_of(std::move(inspection).value());
    std::error_code error;
    std::filesystem::path manifest = path / manifest_name;
    if (file == path || !std::filesystem::exists(manifest, error)) return contents;
    OSIEKIT_ASSIGN(std::string text, read_file(manifest, largest_manifest));
    contents.manifest = nlohmann::json::parse(text, nullptr, false);
    if (!contents.manifest.is_object())
        return Error(ErrorKind::invalid_input, manifest.string() + " is not a JSON object");
    return contents;
}

std::string mode_text(std::uint32_t mode) {
    std::string text = "?rwxrwxrwx";
    constexpr std::pair<std::uint32_t, char> types[] = {
        {S_IFDIR, 'd'}, {S_IFREG, '-'}, {S_IFLNK, 'l'}, {S_IFCHR, 'c'},
        {S_IFBLK, 'b'}, {S_IFIFO, 'p'}, {S_IFSOCK, 's'}};
    for (const auto& [type, letter] : types)
        if ((mode & S_IFMT) == type) text[0] = letter;
    for (unsigned bit = 0; bit < 9; ++bit)
        if ((mode & (0400U >> bit)) == 0) text[bit + 1] = '-';
    if ((mode & S_ISUID) != 0) text[3] = text[3] == 'x' ? 's' : 'S';
    if ((mode & S_ISGID) != 0) text[6] = text[6] == 'x' ? 's' : 'S';
    if ((mode & S_ISVTX) != 0) text[9] = text[9] == 'x' ? 't' : 'T';
    return text;
}

}  // namespace osiekit::builder
