#include "lib/inflate/gzip_reader.hpp"

namespace osiekit::inflate {
namespace {

// RFC 1952, 2.3.1
constexpr unsigned kHeaderCrc = 2;
constexpr unsigned kExtra = 4;
constexpr unsigned kName = 8;
constexpr unsigned kComment = 16;
constexpr unsigned kReserved = 0xe0;
constexpr std::size_t kFixedRest = 6;  // time, extra flags, operating system

Error damaged(const char* what) {
    return {ErrorKind::invalid_input, what};
}

}  // namespace

bool looks_gzip(std::string_view begin) {
    return begin.substr(0, 3) == "\x1f\x8b\x08";
}

Result<std::string_view> GzipReader::next() {
    while (state_ != State::end) {
        if (state_ == State::member) {
            OSIEKIT_ASSIGN(bool found, begin_member());
            state_ = found ? State::content : State::end;
            continue;
        }
        OSIEKIT_ASSIGN(auto piece, deflate_.next());
        if (!piece.empty()) {
            length_ += static_cast<std::uint32_t>(piece.size());
            return piece;
        }
        OSIEKIT_TRY(end_member());
        state_ = State::member;
    }
    return std::string_view();
}

Result<bool> GzipReader::begin_member() {
    OSIEKIT_TRY(input_.ensure(3));
    OSIEKIT_ASSIGN(auto bytes, input_.bytes());
    if (!looks_gzip(bytes)) {
        if (first_) return damaged("this is not gzip");
        return false;
    }
    first_ = false;
    header_left_ = kMostHeaderBytes;
    input_.skip(3);
    OSIEKIT_ASSIGN(unsigned flags, byte());
    if ((flags & kReserved) != 0) return damaged("a gzip header has flags that there are not");
    for (std::size_t i = 0; i < kFixedRest; ++i) OSIEKIT_TRY(byte());
    OSIEKIT_TRY(skip_fields(flags));
    length_ = 0;
    deflate_.begin();
    return true;
}

Status GzipReader::skip_fields(unsigned flags) {
    if ((flags & kExtra) != 0) {
        OSIEKIT_ASSIGN(unsigned low, byte());
        OSIEKIT_ASSIGN(unsigned high, byte());
        for (unsigned left = low | high << 8U; left > 0; --left) OSIEKIT_TRY(byte());
    }
    if ((flags & kName) != 0) OSIEKIT_TRY(skip_text());
    if ((flags & kComment) != 0) OSIEKIT_TRY(skip_text());
    if ((flags & kHeaderCrc) != 0)
        for (int i = 0; i < 2; ++i) OSIEKIT_TRY(byte());
    return {};
}

Status GzipReader::skip_text() {
    for (;;) {
        OSIEKIT_ASSIGN(unsigned value, byte());
        if (value == 0) return {};
    }
}

Result<unsigned> GzipReader::byte() {
    if (header_left_-- == 0) return Error(ErrorKind::limit, "a gzip header is too long");
    OSIEKIT_ASSIGN(auto bytes, input_.bytes());
    if (bytes.empty()) return damaged("the compressed stream ends in the middle");
    auto value = static_cast<unsigned char>(bytes.front());
    input_.skip(1);
    return value;
}

Status GzipReader::end_member() {
    input_.align();
    header_left_ = 8;
    std::uint32_t length = 0;
    for (unsigned i = 0; i < 8; ++i) {
        OSIEKIT_ASSIGN(std::uint32_t value, byte());
        if (i >= 4) length |= value << (8U * (i - 4));
    }
    if (length != length_) return damaged("a gzip member has another length than its trailer says");
    return {};
}

}  // namespace osiekit::inflate
