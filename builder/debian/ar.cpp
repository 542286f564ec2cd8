#include "builder/debian/ar.hpp"

#include <algorithm>

#include "lib/base/text.hpp"

namespace osiekit::builder {
namespace {

constexpr std::string_view archive_magic = "!<arch>\n";
constexpr std::string_view header_magic = "`\n";
constexpr std::size_t header_size = 60;
constexpr std::size_t name_size = 16;
constexpr std::size_t size_at = 48;
constexpr std::size_t size_size = 10;

}  // namespace

Error ArReader::broken(std::string_view problem) const {
    return Error(ErrorKind::invalid_input, "not a sound ar archive: at byte " +
                                               std::to_string(bytes_.size() - rest_.size()) + ": " +
                                               std::string(problem));
}

Result<bool> ArReader::next(ArMember& member) {
    if (!begun_) {
        if (!rest_.starts_with(archive_magic)) return broken("\"!<arch>\" is missing");
        rest_.remove_prefix(archive_magic.size());
        begun_ = true;
    }
    if (rest_.empty()) return false;
    if (rest_.size() < header_size) return broken("a header is cut short");
    std::string_view header = rest_.substr(0, header_size);
    if (header.substr(header_size - header_magic.size()) != header_magic)
        return broken("a header does not end as one");
    std::string_view name = header.substr(0, name_size);
    name = name.substr(0, name.find_last_not_of(' ') + 1);
    if (name.ends_with("/")) name.remove_suffix(1);
    if (name.empty()) return broken("a member has no name");
    std::string_view digits = header.substr(size_at, size_size);
    auto size = parse_u64(digits.substr(0, digits.find(' ')));
    if (!size || !trim(digits.substr(std::min(digits.find(' '), digits.size()))).empty())
        return broken("the size of " + printable(name, 20) + " is not a number");
    if (*size > rest_.size() - header_size)
        return broken(printable(name, 20) + " is cut short: " + std::to_string(*size) +
                      " bytes are declared, " + std::to_string(rest_.size() - header_size) +
                      " are there");
    member = {std::string(name), rest_.substr(header_size, static_cast<std::size_t>(*size))};
    rest_.remove_prefix(header_size + static_cast<std::size_t>(*size));
    // Members begin at even offsets; the last one's padding is forgotten by some writers.
    if (*size % 2 == 1 && !rest_.empty()) rest_.remove_prefix(1);
    return true;
}

}  // namespace osiekit::builder
