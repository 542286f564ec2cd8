#pragma once

#include <string>
#include <vector>

#include "builder/cache/blob_cache.hpp"
#include "builder/cache/fetch.hpp"
#include "builder/cache/record.hpp"
#include "builder/debian/apt_sources.hpp"
#include "builder/debian/package_index.hpp"
#include "builder/debian/release.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// An index that a release lists: of one component and architecture of a source.
struct IndexFile {
    std::uint32_t source = 0;  // position in the list of sources
    std::string component;     // "main"; empty in a flat repository
    std::string path;          // "main/binary-amd64/Packages.xz", says how it is compressed
    IndexOrigin origin;
    FetchItem item;
};

// Which indexes a source has for an architecture. Errors: not_found (component or architecture that
// the suite does not have).
Result<std::vector<IndexFile>> select_indexes(const AptSource& source, const Release& release,
                                              std::uint32_t position,
                                              const std::string& architecture,
                                              const AptSettings& settings);

// Fetches, unpacks and parses the indexes. Of each a compact form is kept, CACHE/indexes/HEX, so
// that unpacking is done once.
Result<PackageIndex> load_indexes(BlobCache& cache, const std::vector<IndexFile>& files,
                                  const std::string& architecture, const FetchOptions& options);

}  // namespace osiekit::builder
