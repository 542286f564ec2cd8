#include "agent/spool.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <ctime>
#include <optional>
#include <vector>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::agent {
namespace {

std::filesystem::path file_name(const std::filesystem::path& directory, std::uint64_t number) {
    std::array<char, 32> name{};
    std::snprintf(name.data(), name.size(), "%010llu.log", static_cast<unsigned long long>(number));
    return directory / name.data();
}

std::string time_now() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    std::tm utc{};
    ::gmtime_r(&now.tv_sec, &utc);
    std::array<char, 64> text{};
    std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
    std::snprintf(text.data() + length, text.size() - length, ".%06ldZ", now.tv_nsec / 1000);
    return text.data();
}

std::vector<std::uint64_t> numbers_in(const std::filesystem::path& directory) {
    std::vector<std::uint64_t> numbers;
    std::error_code failure;
    for (const auto& file : std::filesystem::directory_iterator(directory, failure))
        if (auto number = parse_u64(file.path().stem().string())) numbers.push_back(*number);
    std::sort(numbers.begin(), numbers.end());
    return numbers;
}

bool there(const std::filesystem::path& path) {
    return ::access(path.c_str(), F_OK) == 0;
}

}  // namespace

Result<OutputLine> parse_output_line(std::string_view line) {
    auto part = [&]() -> std::string_view {
        std::size_t end = line.find(' ');
        std::string_view found = line.substr(0, end);
        line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
        return found;
    };
    OutputLine parsed;
    parsed.time = part();
    std::string_view stream = part();
    std::string_view tag = part();
    parsed.error = stream == "stderr";
    parsed.text = line;
    if (parsed.time.empty() || (!parsed.error && stream != "stdout") || tag != "F")
        return Error(ErrorKind::invalid_input, "not a line of an action's output");
    return parsed;
}

Result<SpoolWriter> SpoolWriter::create(const std::filesystem::path& directory,
                                        std::uint64_t file_bytes) {
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
        return Error::from_errno("making " + directory.string());
    SpoolWriter writer(directory, file_bytes);
    writer.rotate();
    if (!writer.file_) return Error::from_errno("making a file in " + directory.string());
    return writer;
}

void SpoolWriter::rotate() {
    Fd next(::open(file_name(directory_, lines_).c_str(),
                   O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600));
    if (!next) return;  // go on in the present one
    file_ = std::move(next);
    written_ = 0;
    files_.push_back(lines_);
    if (files_.size() <= max_spool_files) return;
    ::unlink(file_name(directory_, files_.front()).c_str());
    files_.pop_front();
}

void SpoolWriter::add(bool error, std::string_view text) {
    // One time for what came together: it was written at the same moment.
    static constexpr std::string_view names[2] = {" stdout F ", " stderr F "};
    pending_ += time_now();
    pending_ += names[error ? 1 : 0];
    pending_ += text;
    pending_ += '\n';
    ++pending_lines_;
}

void SpoolWriter::flush() {
    if (pending_.empty()) return;
    if (written_ >= file_bytes_) rotate();
    std::uint64_t lines = pending_lines_;
    if (lost_lines_ > 0) {
        pending_.insert(0, time_now() + " stderr F [" + std::to_string(lost_lines_) +
                               " lines were lost: no memory to keep them]\n");
        ++lines;
    }
    struct stat before {};
    bool known = ::fstat(file_.get(), &before) == 0;
    if (auto done = write_all(file_.get(), pending_); done) {
        written_ += pending_.size();
        lines_ += lines;
        lost_lines_ = 0;
    } else {
        std::uint64_t kept = known ? keep_whole_lines(before.st_size) : 0;
        // The first of them tells of what was lost before.
        if (kept > 0 && lines > pending_lines_) {
            lost_lines_ = 0;
            --kept;
        }
        lost_lines_ += pending_lines_ - kept;
    }
    pending_.clear();
    pending_lines_ = 0;
}

// After a write that failed. A reader may have seen and counted whole lines of it, so these stay;
// half a line goes. Gives how many stay.
std::uint64_t SpoolWriter::keep_whole_lines(off_t size_before) {
    struct stat after {};
    std::size_t written = 0;
    if (::fstat(file_.get(), &after) == 0 && after.st_size > size_before)
        written = static_cast<std::size_t>(after.st_size - size_before);
    // No line end: npos + 1 is 0.
    std::size_t whole = written == 0 ? 0 : pending_.rfind('\n', written - 1) + 1;
    static_cast<void>(::ftruncate(file_.get(), size_before + static_cast<off_t>(whole)) == 0);
    auto end = pending_.begin() + static_cast<std::ptrdiff_t>(whole);
    auto lines = static_cast<std::uint64_t>(std::count(pending_.begin(), end, '\n'));
    lines_ += lines;
    written_ += whole;
    return lines;
}

SpoolReader::SpoolReader(std::filesystem::path directory, std::filesystem::path position_file)
    : directory_(std::move(directory)), position_file_(std::move(position_file)) {
    if (position_file_.empty()) return;
    auto text = osiekit::read_file(position_file_, 100);
    if (!text) return;
    auto words = split_words(*text);
    if (words.size() != 3) return;
    auto file = parse_u64(words[0]);
    auto offset = parse_u64(words[1]);
    auto line = parse_u64(words[2]);
    if (!file || !offset || !line || *line < *file) return;
    file_ = *file;
    offset_ = *offset;
    line_ = *line;
}

void SpoolReader::go_to(std::uint64_t line) {
    auto files = numbers_in(directory_);
    auto after = std::upper_bound(files.begin(), files.end(), line);
    // Without a file that begins at or before the line it is gone: the next one is looked for.
    file_ = after == files.begin() ? line : *(after - 1);
    line_ = file_;
    offset_ = 0;
    wanted_ = line;
}

// Gives the whole lines of one piece; false: there are none.
bool SpoolReader::read_file(int file, const Listener& listener) {
    buffer_.resize(max_chunk_bytes);
    ssize_t n = 0;
    do {
        n = ::pread(file, buffer_.data(), buffer_.size(), static_cast<off_t>(offset_));
    } while (n < 0 && errno == EINTR);
    if (n <= 0) return false;
    std::string_view rest(buffer_.data(), static_cast<std::size_t>(n));
    std::size_t whole = rest.rfind('\n');
    // A line is far shorter than the buffer: the rest of this one is still being written.
    if (whole == std::string_view::npos) return false;
    rest = rest.substr(0, whole + 1);
    offset_ += rest.size();
    for (; !rest.empty(); ++line_) {
        std::size_t end = rest.find('\n');
        std::string_view line = rest.substr(0, end);
        rest.remove_prefix(end + 1);
        if (line_ < wanted_) continue;
        // A damaged line is still one, or the numbers would be wrong.
        auto parsed = parse_output_line(line);
        listener.on_line(parsed ? *parsed : OutputLine{"-", true, line});
    }
    return true;
}

// After the end of a file, or when it is gone. False: there is none yet.
bool SpoolReader::find_next_file(const Listener& listener) {
    auto files = numbers_in(directory_);
    auto next = std::lower_bound(files.begin(), files.end(), line_);
    if (next == files.end() || *next == file_) return false;
    std::uint64_t from = std::max(line_, wanted_);
    if (*next > from) listener.on_gap(*next - from);
    file_ = line_ = *next;
    offset_ = 0;
    return true;
}

bool SpoolReader::read_chunk(const Listener& listener) {
    for (;;) {
        Fd file(::open(file_name(directory_, file_).c_str(), O_RDONLY | O_CLOEXEC));
        if (file) {
            if (read_file(file.get(), listener)) return true;
            // The next file begins with the line after this one's last.
            if (line_ == file_ || !there(file_name(directory_, line_))) return false;
        }
        if (!find_next_file(listener)) return false;
    }
}

void SpoolReader::read(const Listener& listener) {
    bool moved = false;
    while (read_chunk(listener)) moved = true;
    if (!moved || position_file_.empty()) return;
    // Without it the next reader repeats some lines, which is better than to miss some.
    std::string position =
        std::to_string(file_) + " " + std::to_string(offset_) + " " + std::to_string(line_) + "\n";
    static_cast<void>(write_file(position_file_, position, 0600).ok());
}

}  // namespace osiekit::agent
