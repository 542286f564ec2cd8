#include "init/system/boot_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <string>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::init {
namespace {

// The kernel refuses a record of more than about a thousand bytes, prefix included.
constexpr std::size_t largest_record = 900;
constexpr std::size_t largest_text = 8192;

int kernel_level(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return 7;
        case LogLevel::info:
            return 6;
        case LogLevel::warning:
            return 4;
        case LogLevel::error:
            return 3;
    }
    return 6;
}

void write_line(int fd, std::string_view line) {
    // A log that cannot be written has nowhere to complain to.
    [[maybe_unused]] ssize_t n = ::write(fd, line.data(), line.size());
}

// Cuts at a record's size, but not inside a UTF-8 sequence.
std::string_view next_piece(std::string_view text) {
    if (text.size() <= largest_record) return text;
    std::size_t end = largest_record;
    while (end > largest_record - 4 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U)
        --end;
    return text.substr(0, end);
}

}  // namespace

BootLog::~BootLog() {
    if (kmsg_ >= 0) ::close(kmsg_);
}

void BootLog::open_kernel_log() {
    if (kmsg_ < 0) kmsg_ = ::open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
    if (Result<Fd> limit = open_file("/proc/sys/kernel/printk_devkmsg", O_WRONLY))
        write_line(limit->get(), "on\n");
    Result<std::string> levels = read_file("/proc/sys/kernel/printk");
    if (!levels) return;
    std::vector<std::string_view> words = split_words(*levels);
    if (!words.empty()) console_level_ = static_cast<int>(parse_u64(words[0]).value_or(7));
}

void BootLog::write(LogLevel level, std::string_view prefix, std::string_view text) const {
    if (level == LogLevel::debug && !debug_) return;
    int number = kernel_level(level);
    // With osie.debug on, debug lines are to be seen on the console as well.
    if (number == 7) number = 6;
    std::string safe = printable(text, largest_text);
    std::string_view rest = safe;
    do {
        std::string_view piece = next_piece(rest);
        std::string line = std::string(prefix) + ": " + std::string(piece) + "\n";
        if (kmsg_ >= 0) write_line(kmsg_, "<" + std::to_string(number) + ">" + line);
        if (kmsg_ < 0 || number >= console_level_) write_line(STDERR_FILENO, line);
        rest.remove_prefix(piece.size());
    } while (!rest.empty());
}

std::string seconds_text(long long milliseconds) {
    std::array<char, 48> text;
    std::snprintf(text.data(), text.size(), "%lld.%03lld s", milliseconds / 1000,
                  milliseconds % 1000);
    return text.data();
}

}  // namespace osiekit::init
