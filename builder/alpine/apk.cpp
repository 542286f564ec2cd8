#include "builder/alpine/apk.hpp"

#include <openssl/evp.h>

#include <algorithm>

#include "builder/alpine/atom.hpp"
#include "builder/alpine/checksums.hpp"
#include "builder/alpine/gzip.hpp"
#include "builder/alpine/version.hpp"
#include "builder/debian/mapped_file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder::alpine {

namespace fs = std::filesystem;

namespace {

// Signatures are small; more is no signature.
constexpr std::uint64_t signature_member_limit = 2ULL << 20;

Status take_line(std::string_view line, PackageInfo& info) {
    if (line.empty() || line.front() == '#') return {};
    std::size_t equals = line.find('=');
    if (equals == std::string_view::npos)
        return Error(ErrorKind::invalid_input,
                     ".PKGINFO has the line \"" + printable(line, 60) + "\"");
    std::string_view key = trim(line.substr(0, equals));
    std::string value(trim(line.substr(equals + 1)));
    if (key == "pkgname") info.name = value;
    if (key == "pkgver") info.version = value;
    if (key == "arch") info.architecture = value;
    if (key == "license") info.license = value;
    if (key == "origin") info.origin = value;
    if (key == "pkgdesc") info.description = value;
    if (key == "url") info.url = value;
    if (key == "depend") info.depends.push_back(value);
    if (key == "provides") info.provides.push_back(value);
    if (key == "datahash") {
        OSIEKIT_ASSIGN(info.data_digest, Sha256::parse(value));
    }
    return {};
}

Result<PackageInfo> parse_info(std::string_view text) {
    PackageInfo info;
    for (std::string_view line : split(text, '\n')) OSIEKIT_TRY(take_line(line, info));
    if (!valid_package_name(info.name))
        return Error(ErrorKind::invalid_input,
                     ".PKGINFO names the package \"" + printable(info.name, 60) + "\"");
    if (!valid_version(info.version))
        return Error(ErrorKind::invalid_input,
                     ".PKGINFO has the version \"" + printable(info.version, 60) + "\"");
    return info;
}

Result<PackageInfo> read_control(std::string_view tar) {
    DebLimits limits;
    limits.file_size = control_limit;
    limits.unpacked_size = control_limit;
    std::optional<PackageInfo> info;
    std::vector<std::string> scripts;
    MemoryBytes bytes(tar);
    OSIEKIT_TRY(read_package_tar(
        "control.tar", bytes,
        [&](PackageFile&& file) -> Status {
            if (file.type != FileType::regular) return {};
            if (file.path == ".PKGINFO" && !info) {
                OSIEKIT_ASSIGN(info, parse_info(file.content));
            } else if (file.path.starts_with(".p") || file.path == ".trigger") {
                scripts.push_back(file.path);
            }
            return {};
        },
        {}, limits));
    if (!info) return Error(ErrorKind::invalid_input, "it has no .PKGINFO: not an Alpine package");
    info->scripts = std::move(scripts);
    return *std::move(info);
}

// A link is resolved in the image's root, where ".." ends; one that climbs further was made to
// reach outside of a folder in which somebody unpacks it.
bool climbs(std::string_view path, std::string_view target) {
    if (target.starts_with('/')) return false;
    auto depth = std::count(path.begin(), path.end(), '/');
    for (std::string_view part : split(target, '/')) {
        if (part == "..") {
            if (--depth < 0) return true;
        } else if (!part.empty() && part != ".") {
            ++depth;
        }
    }
    return false;
}

Status check_file(const PackageFile& file) {
    auto control_sign = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (std::any_of(file.path.begin(), file.path.end(), control_sign))
        return Error(ErrorKind::invalid_input,
                     "the path \"" + printable(file.path) + "\" has control characters");
    if (file.type == FileType::symlink && climbs(file.path, file.link_target))
        return Error(ErrorKind::refused, "the symbolic link \"" + printable(file.path) +
                                             "\" to \"" + printable(file.link_target) +
                                             "\" leads out of the root");
    return {};
}

}  // namespace

Result<ApkParts> open_apk(std::string_view bytes) {
    ApkParts parts;
    OSIEKIT_ASSIGN(GzipMember member,
                   take_gzip_member(bytes, std::max(control_limit, signature_member_limit)));
    OSIEKIT_ASSIGN(parts.signatures, read_signatures(member.content));
    if (!parts.signatures.empty()) {
        auto control = take_gzip_member(bytes, control_limit);
        if (!control) return std::move(control).error().context("its control part");
        member = *std::move(control);
    }
    parts.control = member.compressed;
    parts.data = bytes;
    OSIEKIT_ASSIGN(parts.info, read_control(member.content));
    if (!parts.info.data_digest)
        return Error(ErrorKind::unsupported, "its .PKGINFO has no datahash")
            .hint("packages of apk-tools before 2.0 cannot be verified");
    if (Sha256 found = Sha256::of(parts.data); found != *parts.info.data_digest)
        return Error(ErrorKind::digest, "its data has the digest " + found.hex() + " and not " +
                                            parts.info.data_digest->hex() +
                                            ", which its control part states");
    return parts;
}

std::string identity_of(std::string_view control) {
    std::string digest = sha1_of(control);
    std::string text(32, '\0');
    int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                 reinterpret_cast<const unsigned char*>(digest.data()),
                                 static_cast<int>(digest.size()));
    text.resize(static_cast<std::size_t>(length));
    return "Q1" + text;
}

Status read_apk_bytes(std::string_view bytes, const PackageSink& sink, const PackageFilter& filter,
                      const DebLimits& limits) {
    OSIEKIT_ASSIGN(ApkParts parts, open_apk(bytes));
    OSIEKIT_ASSIGN(std::string tar,
                   gunzip_all(parts.data, std::min(apk_unpacked_limit, limits.unpacked_size)));
    Checksums checksums(tar);
    MemoryBytes source(tar);
    return read_package_tar(
        "data.tar", source,
        [&](PackageFile&& file) -> Status {
            OSIEKIT_TRY(check_file(file));
            OSIEKIT_TRY(checksums.check(file));
            return sink(std::move(file));
        },
        filter, limits);
}

Status read_apk(const fs::path& path, const PackageSink& sink, const PackageFilter& filter,
                const DebLimits& limits) {
    OSIEKIT_ASSIGN(MappedFile file, MappedFile::open(path));
    return read_apk_bytes(file.bytes(), sink, filter, limits)
        .context("reading package " + path.string());
}

Result<PackageInfo> read_apk_info(const fs::path& path) {
    OSIEKIT_ASSIGN(MappedFile file, MappedFile::open(path));
    auto parts = open_apk(file.bytes());
    if (!parts) return std::move(parts).error().context("reading package " + path.string());
    return std::move(parts->info);
}

}  // namespace osiekit::builder::alpine
