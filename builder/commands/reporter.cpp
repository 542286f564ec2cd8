#include "builder/commands/reporter.hpp"

#include <unistd.h>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {
constexpr std::chrono::milliseconds redraw_interval{100};
}

Reporter::Reporter(bool quiet) : quiet_(quiet), terminal_(::isatty(STDERR_FILENO) == 1) {}

void Reporter::write(const std::string& text) const {
    // Nothing sensible can be done when nobody listens.
    static_cast<void>(write_all(STDERR_FILENO, text).ok());
}

void Reporter::clear_line() {
    if (dirty_) write("\r\x1b[K");
    dirty_ = false;
}

void Reporter::stage(std::string_view name) {
    std::lock_guard lock(mutex_);
    if (quiet_) return;
    stage_ = name;
    stage_start_ = std::chrono::steady_clock::now();
    if (!terminal_) {
        write(stage_ + "\n");
        return;
    }
    clear_line();
    write(stage_ + "…");
    dirty_ = true;
}

void Reporter::progress(const Progress& progress) {
    std::lock_guard lock(mutex_);
    if (quiet_ || !terminal_) return;
    auto now = std::chrono::steady_clock::now();
    if (now - last_ < redraw_interval) return;
    last_ = now;
    double seconds = std::chrono::duration<double>(now - stage_start_).count();
    double rate = progress.bytes_per_second;
    if (rate == 0 && seconds > 0) rate = static_cast<double>(progress.bytes_done) / seconds;
    std::string line = "\r\x1b[K" + stage_ + ": " + human_size(progress.bytes_done);
    if (progress.bytes_total > 0) line += " of " + human_size(progress.bytes_total);
    line += ", " + human_size(static_cast<std::uint64_t>(rate)) + "/s";
    if (!progress.current.empty() && progress.current != stage_)
        line += "  " + printable(progress.current, 40);
    write(line);
    dirty_ = true;
}

void Reporter::warning(std::string_view text) {
    std::lock_guard lock(mutex_);
    if (quiet_) return;
    clear_line();
    write("osiekit: warning: " + std::string(text) + "\n");
}

void Reporter::finish() {
    std::lock_guard lock(mutex_);
    clear_line();
}

}  // namespace osiekit::builder
