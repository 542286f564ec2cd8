#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <ctime>
#include <filesystem>
#include <string>

#include "builder/cache/blob_cache.hpp"
#include "builder/cache/layout.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"

namespace osiekit::builder::test {

namespace fs = std::filesystem;

// A cache's folder.
struct CacheFolder {
    TempDir directory = TempDir::create().value();
    fs::path path = directory / "cache";

    BlobCache open() const { return BlobCache::open(path).value(); }
    // Stored by a build that has ended.
    Sha256 put(const std::string& content, const BlobNote& note = {}) const {
        Sha256 digest = Sha256::of(content);
        BlobCache cache = open();
        REQUIRE(cache.put(content, digest, note));
        return digest;
    }
    fs::path blob(const Sha256& digest) const { return path / blob_folder / digest.hex(); }
    fs::path stamp(const Sha256& digest) const { return path / stamp_folder / digest.hex(); }
    bool has(const Sha256& digest) const { return fs::exists(blob(digest)); }
};

// File times advance by the kernel's tick; returns once the next write would get a later one.
inline void wait_for_next_tick(const fs::path& file) {
    struct stat info {};
    REQUIRE(::stat(file.c_str(), &info) == 0);
    timespec now{};
    do {
        REQUIRE(::clock_gettime(CLOCK_REALTIME_COARSE, &now) == 0);
    } while (now.tv_sec == info.st_ctim.tv_sec && now.tv_nsec <= info.st_ctim.tv_nsec);
}

// Other bytes under the same name, as a disk or a person may leave them.
inline void damage(const fs::path& file, const std::string& content) {
    wait_for_next_tick(file);
    fs::permissions(file, fs::perms::owner_write, fs::perm_options::add);
    Fd fd = open_file(file, O_WRONLY | O_TRUNC).value();
    REQUIRE(write_all(fd.get(), content));
}

inline void set_time(const fs::path& file, std::int64_t seconds) {
    timespec times[2] = {{seconds, 0}, {seconds, 0}};
    REQUIRE(::utimensat(AT_FDCWD, file.c_str(), times, 0) == 0);
}

}  // namespace osiekit::builder::test
