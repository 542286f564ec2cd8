#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"

namespace osiekit::builder::alpine {

// One member of a file of concatenated gzip members. Signatures and digests are over the bytes of
// members, so their borders matter, which libarchive does not show.
struct GzipMember {
    std::string_view compressed;  // points into the file
    std::string content;
};

// Takes the first member off `bytes`. Errors: invalid_input (none, damaged, cut short), limit (more
// than `limit` bytes unpacked).
Result<GzipMember> take_gzip_member(std::string_view& bytes, std::uint64_t limit);

// All members, joined.
Result<std::string> gunzip_all(std::string_view bytes, std::uint64_t limit);

}  // namespace osiekit::builder::alpine
