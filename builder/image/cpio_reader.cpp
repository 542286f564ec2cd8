#include "builder/image/cpio_reader.hpp"

#include <sys/stat.h>

#include <array>

#include "builder/tree.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

constexpr std::size_t magic_size = 6;
constexpr std::size_t field_count = 13;
constexpr std::size_t field_size = 8;
constexpr std::size_t header_size = magic_size + field_count * field_size;

std::optional<std::uint32_t> parse_hex(std::string_view digits) {
    std::uint32_t value = 0;
    for (char c : digits) {
        std::uint32_t digit = 0;
        if (c >= '0' && c <= '9')
            digit = static_cast<std::uint32_t>(c - '0');
        else if (c >= 'a' && c <= 'f')
            digit = static_cast<std::uint32_t>(c - 'a' + 10);
        else if (c >= 'A' && c <= 'F')
            digit = static_cast<std::uint32_t>(c - 'A' + 10);
        else
            return std::nullopt;
        value = value << 4U | digit;
    }
    return value;
}

std::uint32_t byte_sum(std::string_view bytes) {
    std::uint32_t sum = 0;
    for (char c : bytes) sum += static_cast<unsigned char>(c);
    return sum;
}

}  // namespace

Error CpioReader::bad(const std::string& why) const {
    return Error(ErrorKind::invalid_input,
                 "cpio archive, byte " + std::to_string(offset_) + ": " + why);
}

Result<std::string_view> CpioReader::take(std::size_t size) {
    if (size > archive_.size() - offset_)
        return bad("wants " + std::to_string(size) + " bytes, " +
                   std::to_string(archive_.size() - offset_) + " are left");
    std::string_view piece = archive_.substr(offset_, size);
    offset_ += size;
    return piece;
}

void CpioReader::skip_padding() {
    std::size_t missing = (4 - offset_ % 4) % 4;
    offset_ += std::min(missing, archive_.size() - offset_);
}

Result<bool> CpioReader::resume() {
    while (offset_ < archive_.size() && archive_[offset_] == '\0') ++offset_;
    if (at_end()) return false;
    if (offset_ % 4 != 0 || archive_[offset_] != '0')
        return bad("something that is no archive follows the archive's end");
    finished_ = false;
    return true;
}

Result<std::optional<CpioEntry>> CpioReader::next() {
    if (finished_) return std::optional<CpioEntry>();
    if (offset_ == archive_.size()) return bad("ends without the end mark TRAILER!!!");
    OSIEKIT_ASSIGN(std::string_view header, take(header_size));
    std::string_view magic = header.substr(0, magic_size);
    if (magic != "070701" && magic != "070702") {
        offset_ -= header_size;
        return bad("not a newc header");
    }
    std::array<std::uint32_t, field_count> fields = {};
    for (std::size_t i = 0; i < field_count; ++i) {
        auto value = parse_hex(header.substr(magic_size + i * field_size, field_size));
        if (!value) return bad("a header field is not hexadecimal");
        fields[i] = *value;
    }
    std::uint32_t name_size = fields[11];
    if (name_size == 0 || name_size > longest_path + 1)
        return bad("a name of " + std::to_string(name_size) + " bytes");
    OSIEKIT_ASSIGN(std::string_view name, take(name_size));
    if (name.back() != '\0') return bad("a name without its final NUL");
    name.remove_suffix(1);
    if (name.find('\0') != std::string_view::npos) return bad("a name with a NUL inside");
    skip_padding();
    OSIEKIT_ASSIGN(std::string_view content, take(fields[6]));
    skip_padding();
    if (name == "TRAILER!!!") {
        finished_ = true;
        return std::optional<CpioEntry>();
    }
    if (magic == "070702" && (fields[1] & S_IFMT) == S_IFREG && byte_sum(content) != fields[12])
        return bad("the checksum of " + printable(name) + " does not fit its content");
    CpioEntry entry;
    entry.path = name;
    entry.inode = fields[0];
    entry.mode = fields[1];
    entry.uid = fields[2];
    entry.gid = fields[3];
    entry.links = fields[4];
    entry.mtime = fields[5];
    entry.file_major = fields[7];
    entry.file_minor = fields[8];
    entry.device_major = fields[9];
    entry.device_minor = fields[10];
    entry.content = content;
    return std::optional<CpioEntry>(entry);
}

}  // namespace osiekit::builder
