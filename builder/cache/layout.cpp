#include "builder/cache/layout.hpp"

namespace osiekit::builder {

std::vector<std::filesystem::path> all_folders(const std::filesystem::path& cache) {
    std::vector<std::filesystem::path> folders = {cache, cache / blob_folder, cache / stamp_folder,
                                                  cache / partial_folder};
    for (const RecordFolder& folder : record_folders) folders.push_back(cache / folder.path);
    return folders;
}

bool is_pending_name(std::string_view name) {
    constexpr std::string_view mark = ".partial.";
    constexpr std::size_t random = 6;
    return name.size() > mark.size() + random &&
           name.substr(name.size() - random - mark.size(), mark.size()) == mark;
}

}  // namespace osiekit::builder
