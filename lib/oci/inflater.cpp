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

Status drain(const ByteSource& source) {
    for (;;) {
        OSIEKIT_ASSIGN(auto piece, source());
        if (piece.empty()) return {};
    }
}

bool ByteBudget::take(std::uint64_t bytes) {
    std::uint64_t left = left_.load();
    while (left >= bytes)
        if (left_.compare_exchange_weak(left, left - bytes)) return true;
    return false;
}

Inflater::Inflater(const ByteSource& source, std::uint64_t limit, ByteBudget* budget)
    : source_(source), limit_(limit), budget_(budget), handle_(::archive_read_new()) {}

Status Inflater::open() {
    constexpr std::size_t kMark = 3;
    while (begin_.size() < kMark) {
        OSIEKIT_ASSIGN(auto piece, source_());
        if (piece.empty()) break;
        begin_ += piece;
    }
    if (!inflate::looks_gzip(begin_)) return open_archive();
    gzip_.emplace(compressed_);
    return {};
}

Status Inflater::open_archive() {
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

Status Inflater::count(std::size_t size) {
    count_ += size;
    auto too_much = [](const std::string& what, std::uint64_t most) {
        return Error(ErrorKind::limit, what + " to more than " + human_size(most))
            .hint("give the machine more memory, or use a smaller image");
    };
    if (count_ > limit_) return too_much("the layer unpacks", limit_);
    if (budget_ != nullptr && !budget_->take(size))
        return too_much("the image's layers unpack", budget_->total());
    return {};
}

Result<std::string_view> Inflater::next_piece() {
    if (!std::exchange(opened_, true)) OSIEKIT_TRY(open());
    if (!gzip_) return next_of_archive();
    OSIEKIT_ASSIGN(auto piece, gzip_->next().context("decompressing the layer"));
    OSIEKIT_TRY(count(piece.size()));
    return piece;
}

Result<std::string_view> Inflater::next_of_archive() {
    while (!ended_) {
        const void* block = nullptr;
        std::size_t size = 0;
        la_int64_t offset = 0;
        int code = ::archive_read_data_block(handle_.get(), &block, &size, &offset);
        if (code == ARCHIVE_EOF) {
            ended_ = true;
            break;
        }
        if (code != ARCHIVE_OK) return failure("decompressing the layer");
        OSIEKIT_TRY(count(size));
        if (size > 0) return std::string_view(static_cast<const char*>(block), size);
    }
    return std::string_view();
}

Result<std::string_view> Inflater::compressed() {
    if (begin_.empty()) return source_();
    taken_ = std::exchange(begin_, {});
    return std::string_view(taken_);
}

la_ssize_t Inflater::give(archive*, void* pointer, const void** buffer) {
    auto& self = *static_cast<Inflater*>(pointer);
    auto piece = self.compressed_();
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
