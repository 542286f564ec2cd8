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

constexpr std::size_t read_bytes = 256U << 10U;

std::filesystem::path file_name(const std::filesystem::path& directory, std::uint64_t number) {
    std::array<char, 32> name{};
    std::snprintf(name.data(), name.size(), "%06llu.log", static_cast<unsigned long long>(number));
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
    Fd next(::open(file_name(directory_, number_ + 1).c_str(),
                   O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600));
    if (!next) return;  // go on in the present one
    file_ = std::move(next);
    written_ = 0;
    ++number_;
    if (number_ > max_spool_files)
        ::unlink(file_name(directory_, number_ - max_spool_files).c_str());
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
    if (lost_lines_ > 0)
        pending_.insert(0, time_now() + " stderr F [" + std::to_string(lost_lines_) +
                               " lines were lost: no memory to keep them]\n");
    struct stat before {};
    bool known = ::fstat(file_.get(), &before) == 0;
    if (auto done = write_all(file_.get(), pending_); done) {
        written_ += pending_.size();
        lost_lines_ = 0;
    } else {
        // Half a batch would end within a line.
        if (known) static_cast<void>(::ftruncate(file_.get(), before.st_size) == 0);
        lost_lines_ += pending_lines_;
    }
    pending_.clear();
    pending_lines_ = 0;
}

SpoolReader::SpoolReader(std::filesystem::path directory, std::filesystem::path position_file)
    : directory_(std::move(directory)), position_file_(std::move(position_file)) {
    auto text = osiekit::read_file(position_file_, 100);
    if (!text) return;
    auto words = split_words(*text);
    if (words.size() != 2) return;
    auto number = parse_u64(words[0]);
    auto offset = parse_u64(words[1]);
    if (!number || !offset || *number == 0) return;
    number_ = *number;
    offset_ = *offset;
}

std::filesystem::path SpoolReader::file_of(std::uint64_t number) const {
    return file_name(directory_, number);
}

bool SpoolReader::read_file(std::uint64_t number,
                            const std::function<void(const OutputLine&)>& on_line) {
    Fd file(::open(file_of(number).c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) return false;
    std::string buffer(read_bytes, '\0');
    bool any = false;
    for (;;) {
        ssize_t n = ::pread(file.get(), buffer.data(), buffer.size(), static_cast<off_t>(offset_));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return any;
        std::string_view rest(buffer.data(), static_cast<std::size_t>(n));
        std::size_t whole = rest.rfind('\n');
        // A line is far shorter than the buffer: the rest of this one is still being written.
        if (whole == std::string_view::npos) return any;
        rest = rest.substr(0, whole + 1);
        offset_ += rest.size();
        any = true;
        while (!rest.empty()) {
            std::size_t end = rest.find('\n');
            if (auto line = parse_output_line(rest.substr(0, end))) on_line(*line);
            rest.remove_prefix(end + 1);
        }
    }
}

void SpoolReader::read(const std::function<void(const OutputLine&)>& on_line,
                       const std::function<void()>& on_gap) {
    bool moved = false;
    for (;;) {
        // Looked at before reading: the writer begins a file after the last byte of the one before.
        bool has_next = there(file_of(number_ + 1));
        bool present = there(file_of(number_));
        moved = read_file(number_, on_line) || moved;
        if (has_next) {
            if (!present) on_gap();
            ++number_;
            offset_ = 0;
            continue;
        }
        if (present) break;
        auto numbers = numbers_in(directory_);
        auto next = std::upper_bound(numbers.begin(), numbers.end(), number_);
        if (next == numbers.end()) break;
        on_gap();
        number_ = *next;
        offset_ = 0;
    }
    if (!moved) return;
    // Without it the next reader repeats some lines, which is better than to miss some.
    static_cast<void>(write_file(position_file_,
                                 std::to_string(number_) + " " + std::to_string(offset_) + "\n",
                                 0600)
                          .ok());
}

}  // namespace osiekit::agent
