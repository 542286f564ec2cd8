#include "lib/base/temp_dir.hpp"

#include <cstdlib>
#include <utility>

namespace osiekit {

Result<TempDir> TempDir::create(std::string_view prefix, const std::filesystem::path& parent) {
    std::error_code failure;
    std::filesystem::path where =
        parent.empty() ? std::filesystem::temp_directory_path(failure) : parent;
    if (failure) where = "/tmp";
    std::string pattern = (where / (std::string(prefix) + ".XXXXXX")).string();
    if (::mkdtemp(pattern.data()) == nullptr)
        return Error::from_errno("cannot make a temporary directory below " + where.string());
    return TempDir(pattern);
}

TempDir::TempDir(TempDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}

TempDir& TempDir::operator=(TempDir&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
}

TempDir::~TempDir() {
    std::error_code ignored;  // a destructor has nobody to tell
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

}  // namespace osiekit
