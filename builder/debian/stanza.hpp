#pragma once

#include <string_view>
#include <vector>

#include "lib/base/result.hpp"

namespace osiekit::builder {

// A field of a deb822(5) paragraph; both views point into the text that was read. The value keeps
// the line ends and blanks of its continuation lines; blanks at both ends are cut off.
struct StanzaField {
    std::string_view name;
    std::string_view value;
};

struct StanzaLimits {
    std::size_t fields = 256;             // of one paragraph
    std::size_t value_size = 16U << 20U;  // the SHA256 field of a Release file has some 100 KiB
    std::size_t name_size = 256;
};

// Reads paragraphs one after another, without copying: indexes have 50 MB. Signatures and comments
// are not its business.
class StanzaReader {
  public:
    explicit StanzaReader(std::string_view text, StanzaLimits limits = {})
        : text_(text), limits_(limits) {}

    // The next paragraph's fields; false at the end of the text. Errors: invalid_input with the
    // line's number, limit.
    Result<bool> next(std::vector<StanzaField>& fields);

  private:
    std::string_view take_line();
    Error error_here(ErrorKind kind, std::string_view line, std::string_view problem) const;

    std::string_view text_;
    StanzaLimits limits_;
    std::size_t at_ = 0;
};

// The value of a field whose name is written in any case; empty if there is none.
std::string_view stanza_value(const std::vector<StanzaField>& fields, std::string_view name);

}  // namespace osiekit::builder
