#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "server/document/document.hpp"

namespace osiekit::server {

// Collects everything that is wrong with a document, so that a person mends it in one go.
class Problems {
  public:
    static constexpr std::size_t shown = 20;

    explicit Problems(const Document& document) : document_(document) {}

    // "line 7: spec.disks[0].device: WHAT (hint: ADVICE)"; the line if the document has any.
    void add(const std::string& path, const std::string& what, const std::string& advice = {});
    // The same without failing the document.
    void warn(const std::string& path, const std::string& what);
    bool empty() const { return found_.empty(); }
    const std::vector<std::string>& warnings() const { return warnings_; }
    const Document& document() const { return document_; }
    // All of them as one error of kind invalid_input, or success.
    Status status() const;

  private:
    std::string place(const std::string& path) const;
    const Document& document_;
    std::vector<std::string> found_;
    std::vector<std::string> warnings_;
};

// Reads one object's fields with types and bounds. A missing field gives the fallback; null counts
// as missing; a wrong type is a problem and gives the fallback. Borrows everything.
class Fields {
  public:
    Fields(const nlohmann::json& object, std::string path, Problems& problems);

    bool has(std::string_view key) const;
    std::string path_of(std::string_view key) const;
    void problem(std::string_view key, const std::string& what, const std::string& advice = {}) {
        problems_.add(path_of(key), what, advice);
    }

    std::string text(std::string_view key);  // strings only
    // Strings; numbers and booleans as they were written.
    std::string scalar_text(std::string_view key);
    std::int64_t integer(std::string_view key, std::int64_t least, std::int64_t most,
                         std::int64_t fallback = 0);
    bool boolean(std::string_view key, bool fallback = false);
    std::vector<std::string> texts(std::string_view key);               // list of scalars
    std::map<std::string, std::string> text_map(std::string_view key);  // scalars by key
    Fields child(std::string_view key);                                 // missing: empty object
    std::vector<Fields> children(std::string_view key);                 // list of objects
    // Unknown keys: near a known one is a problem, anything else a warning.
    void only(std::initializer_list<std::string_view> known);

  private:
    const nlohmann::json* find(std::string_view key) const;
    std::string scalar_at(const nlohmann::json& value, const std::string& path);
    const nlohmann::json& object_;
    std::string path_;
    Problems& problems_;
};

}  // namespace osiekit::server
