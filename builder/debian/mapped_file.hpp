#pragma once

#include <filesystem>
#include <string_view>

#include "lib/base/result.hpp"

namespace osiekit::builder {

// A file's bytes without copying them. For files that nobody shortens while they are mapped, as
// cache entries are: reading beyond a new end would end the program (SIGBUS, mmap(2)).
class MappedFile {
  public:
    static Result<MappedFile> open(const std::filesystem::path& path);
    MappedFile(MappedFile&& other) noexcept;
    MappedFile& operator=(MappedFile&& other) noexcept;
    ~MappedFile();

    std::string_view bytes() const { return {static_cast<const char*>(start_), size_}; }

  private:
    MappedFile() = default;
    void* start_ = nullptr;
    std::size_t size_ = 0;
};

}  // namespace osiekit::builder
