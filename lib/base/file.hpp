#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"

namespace osiekit {

// Opens close-on-exec; flags as for open(2).
Result<Fd> open_file(const std::filesystem::path& path, int flags, mode_t mode = 0644);

// Reads a whole file, at most `limit` bytes; a larger one is an error of kind limit.
constexpr std::uint64_t default_read_limit = 64ULL << 20;
Result<std::string> read_file(const std::filesystem::path& path,
                              std::uint64_t limit = default_read_limit);
// The same from a descriptor, up to end of file.
Result<std::string> read_all(int fd, std::uint64_t limit = default_read_limit);

// Writes all bytes or fails; repeats short writes and EINTR.
Status write_all(int fd, std::string_view bytes);

// Replaces PATH atomically: a temporary file in the same folder, fsync, rename. Nothing is left
// behind on failure.
Status write_file(const std::filesystem::path& path, std::string_view content, mode_t mode = 0644);

// A file being written beside its final name. Until commit() the final name is untouched; the
// temporary is removed by the destructor.
class PendingFile {
  public:
    static Result<PendingFile> create(const std::filesystem::path& path, mode_t mode = 0644);
    PendingFile(PendingFile&& other) noexcept;
    PendingFile& operator=(PendingFile&& other) noexcept;
    ~PendingFile();

    int fd() const { return fd_.get(); }
    const std::filesystem::path& temporary() const { return temporary_; }
    // fsync, rename to the final name.
    Status commit();

  private:
    PendingFile() = default;
    std::filesystem::path path_;
    std::filesystem::path temporary_;
    Fd fd_;
};

}  // namespace osiekit
