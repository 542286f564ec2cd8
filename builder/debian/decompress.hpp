#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "builder/cache/byte_source.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// Unpacks .xz on all cores where the stream was written in blocks, as dpkg-deb writes it.
// Piece by piece, so that the result need not fit into memory. What has come of the compressed
// bytes is given to the cores before what they have made is asked for.
class XzReader {
  public:
    // `compressed` must outlive the reader.
    explicit XzReader(ByteSource& compressed);
    XzReader(XzReader&&) noexcept;
    XzReader& operator=(XzReader&&) noexcept;
    ~XzReader();

    // The next piece, valid until the next call; empty at the end. Errors: invalid_input, limit
    // (the stream asks for more memory than we give it), and those of the source.
    Result<std::string_view> next();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

// All of a file that is compressed as the end of its name says: ".xz", ".gz", ".zst", else not at
// all. More than `limit` bytes are an error of kind limit.
Result<std::string> decompress_all(std::string_view compressed, std::string_view name,
                                   std::uint64_t limit);

}  // namespace osiekit::builder
