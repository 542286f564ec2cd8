#include "server/netboot/http/content.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>

#include "lib/base/digest.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::netboot::web {
namespace {

constexpr std::size_t etag_digits = 32;

Error no_such_file() {
    return {ErrorKind::not_found, "no such file"};
}

bool names_etag(std::string_view list, std::string_view etag) {
    for (auto part : split(list, ',')) {
        auto candidate = trim(part);
        if (candidate == "*") return true;
        if (candidate.substr(0, 2) == "W/") candidate.remove_prefix(2);
        if (candidate == etag) return true;
    }
    return false;
}

bool is_unchanged(const Content& content, const Conditions& conditions) {
    if (!conditions.if_none_match.empty())
        return names_etag(conditions.if_none_match, content.etag);
    if (conditions.if_modified_since.empty() || content.modified == 0) return false;
    auto since = parse_http_date(conditions.if_modified_since);
    return since != 0 && content.modified <= since;
}

bool range_is_wanted(const Content& content, const Conditions& conditions) {
    if (conditions.range.empty()) return false;
    auto validator = trim(conditions.if_range);
    if (validator.empty() || validator == content.etag) return true;
    return content.modified != 0 && parse_http_date(validator) == content.modified;
}

}  // namespace

Result<Content> open_content(const std::filesystem::path& folder, const std::string& path) {
    if (!is_plain_path(path)) return no_such_file();
    OSIEKIT_ASSIGN(Fd directory, open_file(folder, O_RDONLY | O_DIRECTORY));
    open_how how{};
    how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;  // a FIFO must not hold us up
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    Content content;
    content.file = Fd(
        static_cast<int>(::syscall(SYS_openat2, directory.get(), path.c_str(), &how, sizeof how)));
    if (!content.file) return no_such_file();
    struct stat status {};
    if (::fstat(content.file.get(), &status) != 0 || !S_ISREG(status.st_mode))
        return no_such_file();
    content.size = static_cast<std::uint64_t>(status.st_size);
    content.modified = status.st_mtim.tv_sec;
    std::array<char, 80> tag;
    std::snprintf(tag.data(), tag.size(), "\"%llx-%llx-%llx%09lx\"",
                  static_cast<unsigned long long>(status.st_ino),
                  static_cast<unsigned long long>(status.st_size),
                  static_cast<unsigned long long>(status.st_mtim.tv_sec),
                  static_cast<unsigned long>(status.st_mtim.tv_nsec));
    content.etag = tag.data();
    return content;
}

Content memory_content(std::shared_ptr<const std::string> bytes) {
    Content content;
    content.size = bytes->size();
    content.etag = "\"" + Sha256::of(*bytes).hex().substr(0, etag_digits) + "\"";
    content.memory = std::move(bytes);
    return content;
}

Selection select(const Content& content, const Conditions& conditions) {
    Selection selection;
    selection.range = {0, content.size};
    if (is_unchanged(content, conditions)) {
        selection.status = 304;
        selection.range = {};
    } else if (range_is_wanted(content, conditions)) {
        auto verdict = parse_range(conditions.range, content.size, selection.range);
        if (verdict == RangeVerdict::part) selection.status = 206;
        if (verdict == RangeVerdict::unsatisfiable) {
            selection.status = 416;
            selection.range = {};
        }
    }
    return selection;
}

std::string http_date(std::time_t time) {
    constexpr std::array<const char*, 7> days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array<const char*, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    std::array<char, 96> text;
    std::snprintf(text.data(), text.size(), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                  days.at(static_cast<std::size_t>(parts.tm_wday)), parts.tm_mday,
                  months.at(static_cast<std::size_t>(parts.tm_mon)), parts.tm_year + 1900,
                  parts.tm_hour, parts.tm_min, parts.tm_sec);
    return text.data();
}

std::time_t parse_http_date(std::string_view text) {
    std::tm parts{};
    // The programs run in the C locale, whose names of days and months are the protocol's.
    const std::string copy(trim(text));
    const char* end = ::strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    if (end == nullptr || *end != '\0') return 0;
    auto time = ::timegm(&parts);
    return time < 0 ? 0 : time;
}

HttpAnswer plain_answer(int status, std::string text) {
    HttpAnswer answer;
    answer.status = status;
    answer.body = std::move(text) + "\n";
    return answer;
}

}  // namespace osiekit::netboot::web
