#include "builder/alpine/checksums.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <optional>

#include "lib/base/text.hpp"

namespace osiekit::builder::alpine {
namespace {

// The header of POSIX.1-1988 tar: offset and length of the fields we need.
constexpr std::size_t block = 512;
constexpr std::size_t name_at = 0;
constexpr std::size_t name_length = 100;
constexpr std::size_t size_at = 124;
constexpr std::size_t size_length = 12;
constexpr std::size_t type_at = 156;
constexpr std::size_t prefix_at = 345;
constexpr std::size_t prefix_length = 155;
constexpr std::string_view checksum_key = "APK-TOOLS.checksum.SHA1";

std::string_view field(std::string_view header, std::size_t at, std::size_t length) {
    std::string_view text = header.substr(at, length);
    return text.substr(0, text.find('\0'));
}

std::optional<std::uint64_t> read_octal(std::string_view text) {
    std::uint64_t number = 0;
    for (char c : trim(text)) {
        if (c < '0' || c > '7') return std::nullopt;
        number = number * 8 + static_cast<std::uint64_t>(c - '0');
    }
    return number;
}

// "LENGTH KEY=VALUE\n", the length counting all of it.
void read_records(std::string_view text, std::string& path, std::string& checksum) {
    while (!text.empty()) {
        std::size_t blank = text.find(' ');
        if (blank == std::string_view::npos) return;
        auto length = parse_u64(text.substr(0, blank));
        if (!length || *length <= blank + 1 || *length > text.size()) return;
        std::string_view record = text.substr(blank + 1, *length - blank - 2);
        std::size_t equals = std::min(record.find('='), record.size());
        std::string_view key = record.substr(0, equals);
        std::string_view value = record.substr(std::min(equals + 1, record.size()));
        if (key == "path") path = value;
        if (key == checksum_key) checksum = to_lower(value);
        text.remove_prefix(*length);
    }
}

std::string plain_path(std::string_view path) {
    std::string plain;
    for (std::string_view part : split(path, '/')) {
        if (part.empty() || part == ".") continue;
        if (!plain.empty()) plain += '/';
        plain += part;
    }
    return plain;
}

}  // namespace

std::string sha1_of(std::string_view bytes) {
    std::string digest(20, '\0');
    unsigned length = 0;
    EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), &length,
               EVP_sha1(), nullptr);
    return digest;
}

Checksums::Checksums(std::string_view tar) {
    std::string path;
    std::string checksum;
    while (tar.size() >= block) {
        std::string_view header = tar.substr(0, block);
        auto size = read_octal(field(header, size_at, size_length));
        if (!size || header.front() == '\0') return;
        tar.remove_prefix(block);
        if (*size > tar.size()) return;
        std::string_view content = tar.substr(0, *size);
        char type = header[type_at];
        if (type == 'x') {
            read_records(content, path, checksum);
        } else if (type == 'L') {
            path = content.substr(0, content.find('\0'));
        } else if (type != 'g') {
            if (path.empty()) {
                std::string_view prefix = field(header, prefix_at, prefix_length);
                path = std::string(prefix) + (prefix.empty() ? "" : "/") +
                       std::string(field(header, name_at, name_length));
            }
            // Hard links state the digest of what they point to.
            if (!checksum.empty() && type != '1') by_path_[plain_path(path)] = checksum;
            path.clear();
            checksum.clear();
        }
        tar.remove_prefix(std::min<std::uint64_t>((*size + block - 1) / block * block, tar.size()));
    }
}

Status Checksums::check(const PackageFile& file) const {
    if (file.type != FileType::regular && file.type != FileType::symlink) return {};
    auto stated = by_path_.find(file.path);
    if (stated == by_path_.end()) return {};
    std::string found =
        to_hex(sha1_of(file.type == FileType::symlink ? file.link_target : file.content));
    if (found == stated->second) return {};
    return Error(ErrorKind::digest, "\"" + printable(file.path) + "\" has the SHA-1 " + found +
                                        " and not " + printable(stated->second, 40));
}

}  // namespace osiekit::builder::alpine
