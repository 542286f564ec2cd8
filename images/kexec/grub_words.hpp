#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"

namespace osiekit::images::kexec {

using GrubVariables = std::map<std::string, std::string, std::less<>>;

// Cuts a GRUB script into statements, which end at a line's end or a semicolon, and these into
// words, with quotes taken off and variables filled in (unknown ones are empty).
class GrubWords {
  public:
    explicit GrubWords(std::string_view text) : rest_(text) {}

    // The words of the next statement; none at the end of the script. A brace that stands alone is
    // a word and ends the statement. Errors: invalid_input for a quote that is never closed, limit.
    Result<std::vector<std::string>> next(const GrubVariables& variables);

  private:
    bool skip_blanks();
    Result<std::string> word(const GrubVariables& variables);
    Status quoted(std::string& target, const GrubVariables& variables);
    Status check(const std::string& word) const;
    void variable(std::string& target, const GrubVariables& variables);
    char take();

    std::string_view rest_;
    std::size_t before_ = 0;  // bytes of the statement's words so far
};

}  // namespace osiekit::images::kexec
