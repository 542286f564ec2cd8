#include "lib/oci/inflater.hpp"

#include <archive_entry.h>

#include <utility>

#include "lib/base/text.hpp"

namespace osiekit::oci {

Error archive_error(archive* handle, const std::string& what) {
    const char* text = ::archive_error_string(handle);
    return {ErrorKind::invalid_input,
            what + ": " + (text != nullptr ? printable(text) : "the archive is damaged")};
}

Inflater::Inflater(const ByteSource& source, std::uint64_t limit,
                   ContentDigest::Algorithm algorithm)
    : source_(source), limit_(limit), hash_(algorithm), handle_(::archive_read_new()) {}

Status Inflater::open() {
    ::archive_read_support_filter_gzip(handle_.get());
    ::archive_read_support_filter_zstd(handle_.get());
    ::archive_read_support_format_raw(handle_.get());
    ::archive_read_support_format_empty(handle_.get());
    if (::archive_read_open(handle_.get(), this, nullptr, &Inflater::give, nullptr) != ARCHIVE_OK)
        return failure("reading the layer");
    archive_entry* entry = nullptr;
    int code = ::archive_read_next_header(handle_.get(), &entry);
    if (code == ARCHIVE_EOF) ended_ = true;
    if (code != ARCHIVE_OK && code != ARCHIVE_EOF) return failure("reading the layer");
    return {};
}

Result<std::string_view> Inflater::next() {
    if (failure_) return *failure_;
    auto piece = next_piece();
    if (!piece) failure_ = piece.error();
    return piece;
}

Result<std::string_view> Inflater::next_piece() {
    if (ended_) return std::string_view();
    const void* block = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    int code = ::archive_read_data_block(handle_.get(), &block, &size, &offset);
    if (code == ARCHIVE_EOF) {
        ended_ = true;
        return std::string_view();
    }
    if (code != ARCHIVE_OK) return failure("decompressing the layer");
    std::string_view piece(static_cast<const char*>(block), size);
    count_ += size;
    if (count_ > limit_)
        return Error(ErrorKind::limit, "the layer unpacks to more than " + human_size(limit_))
            .hint("give the machine more memory, or use a smaller image");
    hash_.update(piece);
    return piece;
}

la_ssize_t Inflater::give(archive*, void* pointer, const void** buffer) {
    auto& self = *static_cast<Inflater*>(pointer);
    auto piece = self.source_();
    if (!piece) {
        self.source_error_ = std::move(piece).error();
        return -1;
    }
    *buffer = piece->data();
    return static_cast<la_ssize_t>(piece->size());
}

Error Inflater::failure(const std::string& what) {
    if (source_error_) return *source_error_;
    return archive_error(handle_.get(), what);
}

}  // namespace osiekit::oci
