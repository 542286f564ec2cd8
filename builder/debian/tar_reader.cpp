#include "builder/debian/tar_reader.hpp"

#include <algorithm>
#include <cerrno>

#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {
constexpr std::size_t piece_size = 1U << 18U;
}  // namespace

TarReader::TarReader(const std::string& name, ByteSource& bytes, const DebLimits& limits)
    : limits_(limits), reader_(archive_read_new(), archive_read_free), bytes_(bytes), name_(name) {
    archive_read_support_format_tar(reader_.get());
    constexpr std::string_view format = ".tar";
    std::string_view suffix = name_;
    suffix.remove_prefix(std::min(suffix.find(format) + format.size(), suffix.size()));
    if (suffix == ".xz") {
        xz_.emplace(bytes_);
    } else if (suffix == ".gz") {
        archive_read_support_filter_gzip(reader_.get());
    } else if (suffix == ".zst") {
        archive_read_support_filter_zstd(reader_.get());
    } else if (!suffix.empty()) {
        unsupported_ = true;
    }
}

Status TarReader::open() {
    if (unsupported_)
        return Error(ErrorKind::unsupported, "the compression of " + printable(name_, 20) +
                                                 " is not supported; xz, zst and gz are");
    if (archive_read_open(reader_.get(), this, nullptr, read_piece, nullptr) != ARCHIVE_OK)
        return failure();
    return {};
}

Result<archive_entry*> TarReader::next() {
    archive_entry* entry = nullptr;
    int code = archive_read_next_header(reader_.get(), &entry);
    if (code == ARCHIVE_EOF) return static_cast<archive_entry*>(nullptr);
    if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return failure();
    if (++entries_ > limits_.entries)
        return Error(ErrorKind::limit,
                     "it has more than " + std::to_string(limits_.entries) + " entries");
    la_int64_t size = archive_entry_size(entry);
    unpacked_ += size > 0 ? static_cast<std::uint64_t>(size) : 0;
    if (unpacked_ > limits_.unpacked_size)
        return Error(ErrorKind::limit,
                     "it unpacks to more than " + std::to_string(limits_.unpacked_size) + " bytes");
    return entry;
}

Result<std::string> TarReader::content(archive_entry* entry, std::string_view path) {
    la_int64_t size = archive_entry_size(entry);
    if (size < 0 || static_cast<std::uint64_t>(size) > limits_.file_size)
        return Error(ErrorKind::limit, "\"" + printable(path) + "\" is larger than " +
                                           std::to_string(limits_.file_size) + " bytes");
    // Grows with what really arrives: a declared size costs the sender nothing.
    constexpr std::size_t step = 4U << 20U;
    std::string bytes;
    auto whole = static_cast<std::size_t>(size);
    while (bytes.size() < whole) {
        std::size_t have = bytes.size();
        bytes.resize(std::min(whole, have + step));
        la_ssize_t n = archive_read_data(reader_.get(), bytes.data() + have, bytes.size() - have);
        if (n < 0) return failure();
        if (n == 0)
            return Error(ErrorKind::invalid_input, "\"" + printable(path) + "\" is cut short");
        bytes.resize(have + static_cast<std::size_t>(n));
    }
    return bytes;
}

Result<std::string_view> TarReader::piece() {
    if (xz_) return xz_->next();
    buffer_.resize(piece_size);
    OSIEKIT_ASSIGN(std::size_t count,
                   bytes_.read(buffer_.data(), buffer_.size(), ByteSource::Wait::yes));
    return std::string_view(buffer_.data(), count);
}

la_ssize_t TarReader::read_piece(archive*, void* pointer, const void** buffer) {
    auto& self = *static_cast<TarReader*>(pointer);
    auto piece = self.piece();
    if (!piece) {
        self.source_failure_ = std::move(piece).error();
        archive_set_error(self.reader_.get(), EINVAL, "damaged");
        return -1;
    }
    *buffer = piece->data();
    return static_cast<la_ssize_t>(piece->size());
}

Error TarReader::failure() {
    if (source_failure_) return *source_failure_;
    const char* reason = archive_error_string(reader_.get());
    return Error(ErrorKind::invalid_input,
                 name_ + " is damaged: " + printable(reason != nullptr ? reason : "?"));
}

}  // namespace osiekit::builder
