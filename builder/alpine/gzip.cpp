#include "builder/alpine/gzip.hpp"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <memory>

namespace osiekit::builder::alpine {
namespace {

constexpr std::size_t step = 1U << 18U;
constexpr int gzip_only = 16 + MAX_WBITS;

struct InflateEnd {
    void operator()(z_stream* stream) const { inflateEnd(stream); }
};

}  // namespace

Result<GzipMember> take_gzip_member(std::string_view& bytes, std::uint64_t limit) {
    if (bytes.empty()) return Error(ErrorKind::invalid_input, "a gzip stream is missing");
    if (bytes.size() > std::numeric_limits<uInt>::max())
        return Error(ErrorKind::limit, "a gzip stream of 4 GiB or more");
    z_stream stream{};
    if (inflateInit2(&stream, gzip_only) != Z_OK)
        return Error(ErrorKind::internal, "zlib cannot be set up");
    std::unique_ptr<z_stream, InflateEnd> owner(&stream);
    // zlib does not write through next_in.
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    GzipMember member;
    int code = Z_OK;
    while (code != Z_STREAM_END) {
        std::size_t have = member.content.size();
        if (have > limit)
            return Error(ErrorKind::limit,
                         "a gzip stream unpacks to more than " + std::to_string(limit) + " bytes");
        member.content.resize(have + step);
        stream.next_out = reinterpret_cast<Bytef*>(member.content.data() + have);
        stream.avail_out = static_cast<uInt>(step);
        code = inflate(&stream, Z_NO_FLUSH);
        member.content.resize(have + step - stream.avail_out);
        if (code == Z_BUF_ERROR || (code == Z_OK && stream.avail_in == 0 && stream.avail_out > 0))
            return Error(ErrorKind::invalid_input, "a gzip stream is cut short");
        if (code != Z_OK && code != Z_STREAM_END)
            return Error(ErrorKind::invalid_input, "a gzip stream is damaged");
    }
    if (member.content.size() > limit)
        return Error(ErrorKind::limit,
                     "a gzip stream unpacks to more than " + std::to_string(limit) + " bytes");
    member.compressed = bytes.substr(0, bytes.size() - stream.avail_in);
    bytes.remove_prefix(member.compressed.size());
    return member;
}

Result<std::string> gunzip_all(std::string_view bytes, std::uint64_t limit) {
    std::string all;
    do {
        OSIEKIT_ASSIGN(GzipMember member, take_gzip_member(bytes, limit - all.size()));
        if (all.empty())
            all = std::move(member.content);
        else
            all += member.content;
    } while (!bytes.empty());
    return all;
}

}  // namespace osiekit::builder::alpine
