#include "builder/debian/release.hpp"

#include <array>
#include <chrono>
#include <vector>

#include "builder/debian/stanza.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {
namespace {

Status parse_files(std::string_view block, Release& release) {
    for (std::string_view line : split(block, '\n')) {
        auto words = split_words(line);
        if (words.empty()) continue;
        auto size = words.size() == 3 ? parse_u64(words[1]) : std::nullopt;
        if (!size)
            return Error(ErrorKind::invalid_input,
                         "\"" + printable(line, 100) + "\" is not \"DIGEST SIZE PATH\"");
        OSIEKIT_ASSIGN(Sha256 digest, Sha256::parse(words[0]));
        if (release.files.size() >= release_file_limit)
            return Error(ErrorKind::limit, "the release lists more than " +
                                               std::to_string(release_file_limit) + " files");
        release.files[std::string(words[2])] = {digest, *size};
    }
    return {};
}

}  // namespace

std::optional<std::int64_t> parse_release_date(std::string_view text) {
    constexpr std::array<std::string_view, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    auto words = split_words(text);
    if (words.size() == 6 && words[0].ends_with(",")) words.erase(words.begin());
    if (words.size() != 5) return std::nullopt;
    if (words[4] != "UTC" && words[4] != "GMT" && words[4] != "+0000" && words[4] != "Z")
        return std::nullopt;
    unsigned month = 0;
    while (month < months.size() && months[month] != words[1]) ++month;
    auto clock = split(words[3], ':');
    auto day = parse_u64(words[0]);
    auto year = parse_u64(words[2]);
    if (month == months.size() || clock.size() != 3 || !day || !year) return std::nullopt;
    auto hour = parse_u64(clock[0]);
    auto minute = parse_u64(clock[1]);
    auto second = parse_u64(clock[2]);
    constexpr std::uint64_t last_year = 9999;
    if (!hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 60 || *day > 31 ||
        *year > last_year)
        return std::nullopt;
    std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                     std::chrono::month(month + 1),
                                     std::chrono::day(static_cast<unsigned>(*day))};
    if (!date.ok()) return std::nullopt;
    std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
    return ((days * 24 + static_cast<std::int64_t>(*hour)) * 60 +
            static_cast<std::int64_t>(*minute)) *
               60 +
           static_cast<std::int64_t>(*second);
}

Result<Release> parse_release(std::string_view text) {
    StanzaReader reader(text);
    std::vector<StanzaField> fields;
    OSIEKIT_ASSIGN(bool any, reader.next(fields));
    if (!any) return Error(ErrorKind::invalid_input, "the release file is empty");
    Release release;
    auto value = [&](std::string_view name) { return std::string(stanza_value(fields, name)); };
    release.suite = value("Suite");
    release.codename = value("Codename");
    release.label = value("Label");
    release.architectures = value("Architectures");
    release.components = value("Components");
    release.acquire_by_hash = equal_ignoring_case(value("Acquire-By-Hash"), "yes");
    release.not_automatic = equal_ignoring_case(value("NotAutomatic"), "yes");
    release.all_in_every_index = value("No-Support-for-Architecture-all") == "Packages";
    auto date = parse_release_date(value("Date"));
    if (!date)
        return Error(ErrorKind::invalid_input, "Date: \"" + printable(value("Date"), 60) +
                                                   "\" is not a date of a release file");
    release.date = *date;
    if (std::string until = value("Valid-Until"); !until.empty()) {
        release.valid_until = parse_release_date(until);
        if (!release.valid_until)
            return Error(ErrorKind::invalid_input, "Valid-Until: \"" + printable(until, 60) +
                                                       "\" is not a date of a release file");
    }
    OSIEKIT_TRY(parse_files(stanza_value(fields, "SHA256"), release).context("SHA256"));
    if (release.files.empty())
        return Error(ErrorKind::unsupported, "the release file lists no SHA256 digests");
    return release;
}

}  // namespace osiekit::builder
