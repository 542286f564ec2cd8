#pragma once

#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "builder/cache/blob_cache.hpp"
#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// What would change if somebody wrote to the file: the change time cannot be set back by utimes(2).
std::string stamp_of(const struct stat& info);

// A stamp file: the stamp and what the entry is.
struct Stamp {
    std::string stamp;
    BlobNote note;
};
Stamp read_stamp(const std::filesystem::path& file);  // empty if there is none
std::string stamp_text(const Stamp& stamp);

// The digest of what an open file has.
Result<Sha256> digest_of(int fd, const std::filesystem::path& file);

// Removes the file (or whatever has its name) if it still is what the descriptor has open, or, with
// none, if it is no regular file: another process may have put a good one in its place. Takes the
// exclusive lock for that moment. `stamp` goes with it.
Status remove_damaged(const std::filesystem::path& cache, const std::filesystem::path& file,
                      const std::filesystem::path& stamp, const Fd& fd);

}  // namespace osiekit::builder
