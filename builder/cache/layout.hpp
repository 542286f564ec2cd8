#pragma once

#include <array>
#include <filesystem>
#include <string_view>
#include <vector>

namespace osiekit::builder {

// Where things are below the cache's folder.
constexpr std::string_view blob_folder = "blobs/sha256";
constexpr std::string_view stamp_folder = "stamps";
constexpr std::string_view partial_folder = "partial";
constexpr std::string_view lease_folder = "leases";

// Folders of texts that begin with their own digest (record.hpp), and what they are. A new one has
// its line here, or it is never looked after.
struct RecordFolder {
    std::string_view path;
    std::string_view kind;
};
inline constexpr std::array record_folders = {
    RecordFolder{"recipes", "recipe"},         // a finished step: key, result, digests of blobs
    RecordFolder{"resolved", "resolution"},    // which packages a query gave
    RecordFolder{"indexes", "parsed-index"},   // Debian's Packages, quick to read
    RecordFolder{"releases", "mirror-state"},  // when a mirror was asked last
    RecordFolder{"alpine/indexes", "mirror-state"},
    RecordFolder{"alpine/packages", "package-digest"},
};

// All of them, the cache's own folder too.
std::vector<std::filesystem::path> all_folders(const std::filesystem::path& cache);

// A name as PendingFile gives it while a file is being written: "NAME.partial.XXXXXX".
bool is_pending_name(std::string_view name);
// NAME of such a name.
std::string_view pending_for(std::string_view name);

}  // namespace osiekit::builder
