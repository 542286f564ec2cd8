#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.hpp"

namespace osiekit::builder {

struct ArMember {
    std::string name;          // without the blanks or "/" that pad it
    std::string_view content;  // points into the archive
};

// Reads the members of an ar archive in memory, as deb(5) uses it: common format, no symbol tables,
// no long names.
class ArReader {
  public:
    explicit ArReader(std::string_view bytes) : bytes_(bytes), rest_(bytes) {}

    // The next member; false at the end. Errors: invalid_input.
    Result<bool> next(ArMember& member);

  private:
    Error broken(std::string_view problem) const;

    std::string_view bytes_;
    std::string_view rest_;
    bool begun_ = false;
};

}  // namespace osiekit::builder
