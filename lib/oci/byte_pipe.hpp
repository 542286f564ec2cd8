#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"

namespace osiekit::oci {

// Bytes from one thread to another, at most `capacity` of them under way, so that neither a fast
// network nor a slow disk makes memory grow. Who waits is woken for half of the capacity of room,
// or a quarter of it of bytes (or their end): waking a thread for each piece costs as much as some
// of the work on it.
class BytePipe {
  public:
    explicit BytePipe(std::size_t capacity = 1U << 20U) : capacity_(capacity), run_(capacity / 4) {}

    // Waits for room. False when the reader has gone.
    bool write(std::string_view bytes);
    // No more bytes; with an error, that is what the reader gets.
    void finish(std::optional<Error> error = std::nullopt);

    // Waits for bytes; empty at the end. Valid until the next call. Kind cancelled after abandon().
    Result<std::string_view> read();
    // Nobody wants more: wakes both sides.
    void abandon();
    bool abandoned();

  private:
    std::size_t capacity_;
    std::size_t run_;  // bytes that a waiting reader is woken for
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::string> pieces_;
    std::string spare_;  // memory of a piece that was read
    std::size_t waiting_ = 0;
    std::string current_;
    std::optional<Error> error_;
    bool writer_waits_ = false;
    bool reader_waits_ = false;
    bool finished_ = false;
    bool abandoned_ = false;
};

}  // namespace osiekit::oci
