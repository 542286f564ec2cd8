#include "builder/cache/byte_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "lib/base/file.hpp"

namespace osiekit::builder {

Result<std::string> take(ByteSource& source, std::size_t size) {
    std::string bytes(size, '\0');
    std::size_t have = 0;
    while (have < size) {
        OSIEKIT_ASSIGN(std::size_t count,
                       source.read(bytes.data() + have, size - have, ByteSource::Wait::yes));
        if (count == 0) break;
        have += count;
    }
    bytes.resize(have);
    return bytes;
}

Result<std::size_t> MemoryBytes::read(char* into, std::size_t size, Wait) {
    std::size_t count = std::min(size, rest_.size());
    std::copy_n(rest_.data(), count, into);
    rest_.remove_prefix(count);
    return count;
}

Result<std::unique_ptr<FileBytes>> FileBytes::open(const std::filesystem::path& path) {
    OSIEKIT_ASSIGN(Fd file, open_file(path, O_RDONLY));
    struct stat info {};
    if (::fstat(file.get(), &info) != 0)
        return Error::from_errno("cannot examine " + path.string());
    if (!S_ISREG(info.st_mode))
        return Error(ErrorKind::invalid_input, path.string() + " is not a regular file");
    return std::unique_ptr<FileBytes>(
        new FileBytes(std::move(file), path, static_cast<std::uint64_t>(info.st_size)));
}

Result<std::size_t> FileBytes::read(char* into, std::size_t size, Wait) {
    size = static_cast<std::size_t>(std::min<std::uint64_t>(size, size_ - done_));
    if (size == 0) return size;
    ssize_t count = 0;
    do {
        count = ::read(file_.get(), into, size);
    } while (count < 0 && errno == EINTR);
    if (count < 0) return Error::from_errno("cannot read " + path_.string());
    if (count == 0) return Error(ErrorKind::io, path_.string() + " is shorter than it was");
    done_ += static_cast<std::uint64_t>(count);
    return static_cast<std::size_t>(count);
}

}  // namespace osiekit::builder
