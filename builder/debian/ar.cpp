#include "builder/debian/ar.hpp"

#include <algorithm>
#include <array>

#include "lib/base/text.hpp"

namespace osiekit::builder {
namespace {

constexpr std::string_view archive_magic = "!<arch>\n";
constexpr std::string_view header_magic = "`\n";
constexpr std::size_t header_size = 60;
constexpr std::size_t name_size = 16;
constexpr std::size_t size_at = 48;
constexpr std::size_t size_size = 10;
constexpr std::size_t piece_size = 1U << 16U;

}  // namespace

Result<std::size_t> ArReader::Content::read(char* into, std::size_t size, Wait wait) {
    size = static_cast<std::size_t>(std::min<std::uint64_t>(size, left_));
    if (size == 0) return size;
    OSIEKIT_ASSIGN(std::size_t count, reader_.bytes_.read(into, size, wait));
    reader_.at_ += count;
    left_ -= count;
    return count;
}

Error ArReader::broken(std::string_view problem) const {
    return Error(ErrorKind::invalid_input, "not a sound ar archive: at byte " +
                                               std::to_string(at_) + ": " + std::string(problem));
}

Result<std::string> ArReader::take_next(std::size_t size) {
    OSIEKIT_ASSIGN(std::string bytes, take(bytes_, size));
    at_ += bytes.size();
    return bytes;
}

Status ArReader::skip(std::uint64_t size) {
    while (size > 0) {
        OSIEKIT_ASSIGN(
            std::string bytes,
            take_next(static_cast<std::size_t>(std::min<std::uint64_t>(size, piece_size))));
        if (bytes.empty()) return broken("a member is cut short");
        size -= bytes.size();
    }
    return {};
}

Result<bool> ArReader::next(ArMember& member) {
    if (!begun_) {
        OSIEKIT_ASSIGN(std::string magic, take_next(archive_magic.size()));
        if (magic != archive_magic) return broken("\"!<arch>\" is missing");
        begun_ = true;
    }
    OSIEKIT_TRY(skip(content_.left_));
    // Members begin at even offsets; the last one's padding is forgotten by some writers.
    if (content_.size_ % 2 == 1) OSIEKIT_TRY(skip(std::min<std::uint64_t>(1, bytes_.size() - at_)));
    content_.size_ = 0;
    content_.left_ = 0;
    OSIEKIT_ASSIGN(std::string header, take_next(header_size));
    if (header.empty()) return false;
    if (header.size() < header_size) return broken("a header is cut short");
    if (header.substr(header_size - header_magic.size()) != header_magic)
        return broken("a header does not end as one");
    std::string_view name = std::string_view(header).substr(0, name_size);
    name = name.substr(0, name.find_last_not_of(' ') + 1);
    if (name.ends_with("/")) name.remove_suffix(1);
    if (name.empty()) return broken("a member has no name");
    std::string_view digits = std::string_view(header).substr(size_at, size_size);
    auto size = parse_u64(digits.substr(0, digits.find(' ')));
    if (!size || !trim(digits.substr(std::min(digits.find(' '), digits.size()))).empty())
        return broken("the size of " + printable(name, 20) + " is not a number");
    std::uint64_t there = bytes_.size() - std::min(at_, bytes_.size());
    if (*size > there)
        return broken(printable(name, 20) + " is cut short: " + std::to_string(*size) +
                      " bytes are declared, " + std::to_string(there) + " are there");
    member = {std::string(name), *size};
    content_.size_ = *size;
    content_.left_ = *size;
    return true;
}

}  // namespace osiekit::builder
