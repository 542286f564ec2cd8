#include "builder/cache/layout.hpp"

namespace osiekit::builder {

std::vector<std::filesystem::path> all_folders(const std::filesystem::path& cache) {
    std::vector<std::filesystem::path> folders = {cache, cache / blob_folder, cache / stamp_folder,
                                                  cache / partial_folder};
    for (const RecordFolder& folder : record_folders) folders.push_back(cache / folder.path);
    return folders;
}

namespace {
constexpr std::string_view pending_mark = ".partial.";
constexpr std::size_t pending_end = pending_mark.size() + 6;  // with the random letters
}  // namespace

bool is_pending_name(std::string_view name) {
    return name.size() > pending_end &&
           name.substr(name.size() - pending_end, pending_mark.size()) == pending_mark;
}

std::string_view pending_for(std::string_view name) {
    return name.substr(0, name.size() - pending_end);
}

}  // namespace osiekit::builder
