#pragma once

#include <archive.h>
#include <archive_entry.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/cache/byte_source.hpp"
#include "builder/debian/deb.hpp"
#include "builder/debian/decompress.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// A tar archive inside a package, read through libarchive with only the formats that deb(5) has.
// Xz is unpacked by our own reader, which uses all cores.
class TarReader {
  public:
    // `name` says how the bytes are compressed ("data.tar.xz"); all must outlive the reader.
    TarReader(const std::string& name, ByteSource& bytes, const DebLimits& limits);
    TarReader(const TarReader&) = delete;
    TarReader& operator=(const TarReader&) = delete;

    Status open();
    // The next entry, valid until the next call; nullptr at the end.
    Result<archive_entry*> next();
    // The content of the entry that next() gave.
    Result<std::string> content(archive_entry* entry, std::string_view path);

  private:
    Result<std::string_view> piece();
    static la_ssize_t read_piece(archive*, void* pointer, const void** buffer);
    Error failure();

    const DebLimits& limits_;
    std::unique_ptr<archive, decltype(&archive_read_free)> reader_;
    ByteSource& bytes_;
    const std::string& name_;
    std::vector<char> buffer_;  // of bytes that libarchive unpacks
    std::optional<XzReader> xz_;
    std::optional<Error> source_failure_;
    bool unsupported_ = false;
    std::uint64_t entries_ = 0;
    std::uint64_t unpacked_ = 0;
};

}  // namespace osiekit::builder
