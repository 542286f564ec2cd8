#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"

namespace osiekit::images::image2disk {

constexpr std::size_t write_size = 4U << 20U;  // bytes a write, at multiples of it
// The beginning of the image is written last and wiped first: a disk whose image was cut holds no
// partition table or boot sector and does not boot half an operating system.
constexpr std::size_t held_back = 1U << 20U;

// Writes an image onto a disk (or an existing regular file).
class DiskWriter {
  public:
    // A disk that is mounted or otherwise in use is an error. Wipes the beginning.
    static Result<DiskWriter> open(const std::filesystem::path& path);

    Status write(std::string_view bytes);
    // Starts over at the beginning of the disk.
    void rewind();
    // Writes what is held back, waits until the disk has everything, and makes the kernel read the
    // new partition table. Before this the disk is not usable.
    Status commit();
    std::uint64_t written() const { return offset_ + buffer_.size(); }
    std::uint64_t capacity() const { return capacity_; }  // 0: a regular file

  private:
    DiskWriter() = default;
    Status flush();

    std::filesystem::path path_;
    Fd fd_;
    std::uint64_t capacity_ = 0;
    std::uint64_t offset_ = 0;  // of the buffer on the disk
    std::vector<char> buffer_;
    std::vector<char> start_;
};

}  // namespace osiekit::images::image2disk
