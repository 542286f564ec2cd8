#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"

namespace osiekit::images {

// The variables that an action gets its settings from. Every error names the variable, is of kind
// invalid_input, and says what would be right. A variable that is set but empty counts as absent.
class Environment {
  public:
    using Values = std::map<std::string, std::string, std::less<>>;
    explicit Environment(Values values) : values_(std::move(values)) {}
    static Environment of_process();

    Result<std::string> required(std::string_view name) const;
    std::string optional(std::string_view name, std::string_view fallback = {}) const;
    Result<bool> boolean(std::string_view name, bool fallback) const;  // as Go's ParseBool
    // A whole number up to `most`; required when there is no fallback.
    Result<std::uint64_t> number(std::string_view name, std::optional<std::uint64_t> fallback,
                                 std::uint64_t most) const;
    // Permission bits in octal, 0 to 7777, with or without a leading 0; required.
    Result<unsigned> mode(std::string_view name) const;
    // An absolute path; required.
    Result<std::string> absolute_path(std::string_view name) const;

  private:
    Values values_;
};

}  // namespace osiekit::images
