#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// Bytes that are read once, from the front: of memory, of a file, or of a download that is still
// under way.
class ByteSource {
  public:
    enum class Wait { yes, no };

    ByteSource() = default;
    ByteSource(const ByteSource&) = delete;
    ByteSource& operator=(const ByteSource&) = delete;
    virtual ~ByteSource() = default;

    // Of all of them, read or not.
    virtual std::uint64_t size() const = 0;
    // Puts the next bytes there, at most `size`, and says how many they are. Waits for the first
    // one or does not; with waiting, none means the end.
    virtual Result<std::size_t> read(char* into, std::size_t size, Wait wait) = 0;
};

// All of the next `size` bytes; fewer at the end.
Result<std::string> take(ByteSource& source, std::size_t size);

class MemoryBytes final : public ByteSource {
  public:
    // `bytes` must outlive it.
    explicit MemoryBytes(std::string_view bytes) : size_(bytes.size()), rest_(bytes) {}
    std::uint64_t size() const override { return size_; }
    Result<std::size_t> read(char* into, std::size_t size, Wait wait) override;

  private:
    std::uint64_t size_;
    std::string_view rest_;
};

class FileBytes final : public ByteSource {
  public:
    // Its size is the one it has now; it is an error if it turns out to be shorter.
    static Result<std::unique_ptr<FileBytes>> open(const std::filesystem::path& path);
    std::uint64_t size() const override { return size_; }
    Result<std::size_t> read(char* into, std::size_t size, Wait wait) override;

  private:
    FileBytes(Fd file, std::filesystem::path path, std::uint64_t size)
        : file_(std::move(file)), path_(std::move(path)), size_(size) {}
    Fd file_;
    std::filesystem::path path_;
    std::uint64_t size_;
    std::uint64_t done_ = 0;
};

}  // namespace osiekit::builder
