#pragma once

#include <map>
#include <string>
#include <string_view>

namespace osiekit {

// The kernel command line as Tinkerbell's environments read it: split on blanks, then on the first
// '='; the last occurrence wins. Unlike theirs, a key without '=' is kept with an empty value, and
// double quotes group words as the kernel itself understands them. Keys are case sensitive.
class KernelCommandLine {
  public:
    static KernelCommandLine parse(std::string_view text);

    bool has(std::string_view key) const { return values_.find(key) != values_.end(); }
    // The value, or `fallback` when the key is absent.
    std::string get(std::string_view key, std::string_view fallback = {}) const;
    // True for a key that is present and whose value is empty or true in Go's sense.
    bool flag(std::string_view key) const;
    const std::map<std::string, std::string, std::less<>>& values() const { return values_; }

  private:
    std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace osiekit
