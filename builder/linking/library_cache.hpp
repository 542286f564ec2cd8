#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace osiekit::builder {

struct CachedLibrary {
    std::string name;  // what programs ask for
    std::string path;  // absolute
};

// The bytes of /etc/ld.so.cache for glibc's loader since 2.2 ("glibc-ld.so.cache1.1", glibc's
// elf/cache.c and sysdeps/generic/dl-cache.h). Of libraries with the same name the first counts.
std::string library_cache(const std::vector<CachedLibrary>& libraries, std::uint16_t machine);

// glibc's order of names: runs of digits by their number (_dl_cache_libcmp).
int compare_library_names(const std::string& a, const std::string& b);

}  // namespace osiekit::builder
