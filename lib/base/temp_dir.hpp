#pragma once

#include <filesystem>
#include <string_view>

#include "lib/base/result.hpp"

namespace osiekit {

// A new empty directory (mode 0700) below `parent` (default: TMPDIR, else /tmp), removed with all
// its content.
class TempDir {
  public:
    static Result<TempDir> create(std::string_view prefix = "osiekit",
                                  const std::filesystem::path& parent = {});
    TempDir(TempDir&& other) noexcept;
    TempDir& operator=(TempDir&& other) noexcept;
    ~TempDir();

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

  private:
    explicit TempDir(std::filesystem::path path) : path_(std::move(path)) {}
    std::filesystem::path path_;
};

}  // namespace osiekit
