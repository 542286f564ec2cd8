#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"

namespace osiekit::images::image2disk {

using Sink = std::function<Status(std::string_view)>;

enum class Format { unknown, gzip, bzip2, xz, zstd };

constexpr std::size_t magic_size = 6;  // bytes needed to recognise each format

// By the first bytes; unknown for anything else (or fewer bytes than the format's mark).
Format recognise(std::string_view start);
std::string_view to_string(Format format);

// A decompressor that is fed. It takes several members or frames one after another, as the tools
// pigz, pbzip2, xz and zstd write them.
class Decoder {
  public:
    virtual ~Decoder() = default;
    // Gives what comes out to the sink. A damaged stream is an error of kind invalid_input.
    virtual Status feed(std::string_view bytes, const Sink& sink) = 0;
    // At the end of the input: an error of kind invalid_input if the stream is cut.
    virtual Status finish() = 0;
};

// Hands the bytes through.
std::unique_ptr<Decoder> make_plain_decoder();
// The decoder of a format.
std::unique_ptr<Decoder> make_decoder(Format format);
// Looks at the first bytes to choose; an unknown format is an error of kind invalid_input.
std::unique_ptr<Decoder> make_detecting_decoder();

}  // namespace osiekit::images::image2disk
