#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "builder/cache/byte_source.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

struct ArMember {
    std::string name;  // without the blanks or "/" that pad it
    std::uint64_t size = 0;
};

// Reads the members of an ar archive one after another, as deb(5) uses it: common format, no symbol
// tables, no long names.
class ArReader {
  public:
    // `bytes` must outlive the reader.
    explicit ArReader(ByteSource& bytes) : bytes_(bytes) {}

    // The next member, whatever was read of the one before; false at the end. Errors:
    // invalid_input, and those of the source.
    Result<bool> next(ArMember& member);
    // The bytes of the member that next() gave, until the next call.
    ByteSource& content() { return content_; }

  private:
    class Content final : public ByteSource {
      public:
        explicit Content(ArReader& reader) : reader_(reader) {}
        std::uint64_t size() const override { return size_; }
        Result<std::size_t> read(char* into, std::size_t size, Wait wait) override;

      private:
        friend class ArReader;
        ArReader& reader_;
        std::uint64_t size_ = 0;
        std::uint64_t left_ = 0;
    };

    Error broken(std::string_view problem) const;
    Result<std::string> take_next(std::size_t size);
    Status skip(std::uint64_t size);

    ByteSource& bytes_;
    Content content_{*this};
    std::uint64_t at_ = 0;  // bytes read
    bool begun_ = false;
};

}  // namespace osiekit::builder
