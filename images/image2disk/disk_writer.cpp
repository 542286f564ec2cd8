#include "images/image2disk/disk_writer.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::images::image2disk {
namespace {

Status write_at(int fd, const char* data, std::size_t size, std::uint64_t offset) {
    while (size > 0) {
        ssize_t n = ::pwrite(fd, data, size, static_cast<off_t>(offset));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return Error::from_errno("cannot write at byte " + std::to_string(offset));
        data += n;
        size -= static_cast<std::size_t>(n);
        offset += static_cast<std::uint64_t>(n);
    }
    return {};
}

}  // namespace

Result<DiskWriter> DiskWriter::open(const std::filesystem::path& path) {
    DiskWriter writer;
    writer.path_ = path;
    struct stat status {};
    // Never made: a misspelt disk would become a file in memory that eats all of it.
    if (::stat(path.c_str(), &status) != 0)
        return Error::from_errno("there is no disk " + path.string())
            .hint("check DEST_DISK, and that the action has the volume /dev:/dev");
    bool block = S_ISBLK(status.st_mode);
    if (!block && !S_ISREG(status.st_mode))
        return Error(ErrorKind::invalid_input, "DEST_DISK " + path.string() + " is no disk");
    // O_EXCL on a block device: refused while it, or a partition of it, is mounted.
    auto fd = open_file(path, O_WRONLY | (block ? O_EXCL : 0));
    if (!fd && fd.error().error_number() == EBUSY)
        return std::move(fd).error().hint("it is mounted or part of another device");
    if (!fd) return std::move(fd).error();
    writer.fd_ = *std::move(fd);
    if (block && ::ioctl(writer.fd_.get(), BLKGETSIZE64, &writer.capacity_) != 0)
        return Error::from_errno("cannot learn the size of " + path.string());
    std::uint64_t size = block ? writer.capacity_ : static_cast<std::uint64_t>(status.st_size);
    std::vector<char> zeros(std::min<std::uint64_t>(held_back, size));
    OSIEKIT_TRY(write_at(writer.fd_.get(), zeros.data(), zeros.size(), 0)
                    .context("wiping the beginning of " + path.string()));
    writer.buffer_.reserve(write_size);
    return writer;
}

Status DiskWriter::write(std::string_view bytes) {
    if (capacity_ > 0 && written() + bytes.size() > capacity_)
        return Error(ErrorKind::limit, "the image is larger than " + path_.string() + " (" +
                                           human_size(capacity_) + ")");
    while (!bytes.empty()) {
        std::size_t take = std::min(bytes.size(), write_size - buffer_.size());
        buffer_.insert(buffer_.end(), bytes.begin(), bytes.begin() + static_cast<long>(take));
        bytes.remove_prefix(take);
        if (buffer_.size() == write_size) OSIEKIT_TRY(flush());
    }
    return {};
}

Status DiskWriter::flush() {
    std::size_t skip = 0;
    if (offset_ == 0) {
        skip = std::min(held_back, buffer_.size());
        start_.assign(buffer_.begin(), buffer_.begin() + static_cast<long>(skip));
    }
    OSIEKIT_TRY(write_at(fd_.get(), buffer_.data() + skip, buffer_.size() - skip, offset_ + skip)
                    .context("writing to " + path_.string()));
    offset_ += buffer_.size();
    buffer_.clear();
    return {};
}

void DiskWriter::rewind() {
    offset_ = 0;
    buffer_.clear();
    start_.clear();
}

Status DiskWriter::commit() {
    OSIEKIT_TRY(flush());
    if (::fsync(fd_.get()) != 0) return Error::from_errno("cannot flush " + path_.string());
    OSIEKIT_TRY(write_at(fd_.get(), start_.data(), start_.size(), 0)
                    .context("writing the beginning of " + path_.string()));
    if (::fsync(fd_.get()) != 0) return Error::from_errno("cannot flush " + path_.string());
    // A partition, a loop device without partitions and the like have no table to read again.
    if (capacity_ > 0 && ::ioctl(fd_.get(), BLKRRPART) != 0 && errno != EINVAL)
        std::fprintf(
            stderr, "image2disk: warning: the kernel did not read the partitions of %s again: %s\n",
            path_.c_str(), Error::from_errno("BLKRRPART").to_string().c_str());
    return {};
}

}  // namespace osiekit::images::image2disk
