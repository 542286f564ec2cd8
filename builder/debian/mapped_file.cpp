#include "builder/debian/mapped_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <utility>

#include "lib/base/file.hpp"

namespace osiekit::builder {

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
    OSIEKIT_ASSIGN(Fd fd, open_file(path, O_RDONLY));
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) return Error::from_errno("cannot examine " + path.string());
    if (!S_ISREG(info.st_mode))
        return Error(ErrorKind::invalid_input, path.string() + " is not a regular file");
    MappedFile file;
    file.size_ = static_cast<std::size_t>(info.st_size);
    if (file.size_ == 0) return file;
    void* start = ::mmap(nullptr, file.size_, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (start == MAP_FAILED) return Error::from_errno("cannot map " + path.string());
    file.start_ = start;
    return file;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : start_(std::exchange(other.start_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
    std::swap(start_, other.start_);
    std::swap(size_, other.size_);
    return *this;
}

MappedFile::~MappedFile() {
    if (start_ != nullptr) ::munmap(start_, size_);
}

}  // namespace osiekit::builder
