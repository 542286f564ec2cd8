#include "builder/commands/reporter.hpp"

#include "builder/commands/progress_line.hpp"
#include "lib/base/file.hpp"
#include "lib/base/terminal.hpp"

namespace osiekit::builder {

namespace {
constexpr std::chrono::milliseconds redraw_interval{100};
constexpr std::chrono::seconds plain_interval{10};
// To the first column, and clear what follows (ECMA-48: EL).
constexpr const char* clear = "\r\x1b[K";
}  // namespace

Reporter::Reporter(bool quiet, int fd, std::function<Clock::time_point()> now)
    : quiet_(quiet), fd_(fd), now_(std::move(now)), rewrites_(rewrites_lines(fd)) {}

Reporter::~Reporter() {
    finish();
}

void Reporter::write(const std::string& text) const {
    // Nothing sensible can be done when nobody listens.
    static_cast<void>(write_all(fd_, text).ok());
}

void Reporter::clear_line() {
    if (dirty_) write(clear);
    dirty_ = false;
}

void Reporter::stage(std::string_view name) {
    std::lock_guard lock(mutex_);
    if (quiet_) return;
    stage_ = name;
    stage_start_ = now_();
    if (!rewrites_) {
        last_ = stage_start_;
        write(stage_ + "\n");
        return;
    }
    clear_line();
    write(stage_.substr(0, terminal_columns(fd_) - 1));
    dirty_ = true;
}

void Reporter::progress(const Progress& progress) {
    std::lock_guard lock(mutex_);
    if (quiet_) return;
    auto now = now_();
    if (now - last_ < (rewrites_ ? Clock::duration(redraw_interval) : plain_interval)) return;
    last_ = now;
    double seconds = std::chrono::duration<double>(now - stage_start_).count();
    double rate = progress.bytes_per_second;
    if (rate == 0 && seconds > 0) rate = static_cast<double>(progress.bytes_done) / seconds;
    if (!rewrites_) {
        write(stage_ + ": " + progress_text(progress, rate) + "\n");
        return;
    }
    write(clear + progress_line(stage_, progress, rate, terminal_columns(fd_)));
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
