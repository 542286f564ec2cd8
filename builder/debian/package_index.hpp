#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "lib/base/digest.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// What we need of a paragraph of a Packages file. The views point into the text it was parsed from.
struct PackageRecord {
    std::string_view name;
    std::string_view version;
    std::string_view architecture;
    std::string_view multi_arch;
    std::string_view filename;  // relative to the source's URI, without ".." parts
    std::string_view depends;
    std::string_view pre_depends;
    std::string_view provides;
    std::string_view conflicts;
    std::string_view breaks;
    std::string_view source;          // "name" or "name (version)"; empty: as the package
    std::string_view installed_size;  // KiB
    std::string_view priority;        // "required", "important", "standard", "optional", "extra"
    std::string_view essential;       // "yes" or empty
    Sha256 digest;
    std::uint64_t size = 0;
    std::uint32_t index = 0;  // the one it stands in, as add() was told
};

constexpr std::size_t index_record_limit = 1'000'000;     // Debian's main has 64 thousand
constexpr std::uint64_t index_size_limit = 1ULL << 30;    // unpacked
constexpr std::uint64_t package_size_limit = 8ULL << 30;  // a .deb

// Parses a Packages file. Paragraphs without a SHA-256 digest are left out: they could not be
// verified. Errors: invalid_input, limit.
Result<std::vector<PackageRecord>> parse_packages(std::string_view text);

// The records as a Packages file with only the fields above: a third of the size, and read by the
// same parser.
std::string compact_packages(const std::vector<PackageRecord>& records);

// Where the records of an index come from.
struct IndexOrigin {
    std::string suite;                 // as the source names it
    std::vector<std::string> aliases;  // what else the release calls itself: "stable"
    // NotAutomatic: yes of a release file, such as that of backports: its packages come last.
    bool automatic = true;
};

// All records of all sources of an architecture, to be asked by name.
class PackageIndex {
  public:
    // Adds the records of a text, which is kept. Those of other architectures are left out.
    // `index` counts from 0.
    Status add(std::string text, std::string_view architecture, std::uint32_t index,
               IndexOrigin origin = {});
    // Sorts; call once after the last add().
    void finish();

    const IndexOrigin& origin(const PackageRecord& record) const { return origins_[record.index]; }

    // The packages of a name: newest first, and after all others those that are not automatic.
    const std::vector<const PackageRecord*>& named(std::string_view name) const;
    // The packages that provide a virtual one; `version` is empty where the provision has none. As
    // apt prefers them: essential ones, then by priority; last by name, each newest first.
    struct Provider {
        const PackageRecord* package;
        std::string_view version;
    };
    const std::vector<Provider>& providers(std::string_view name) const;
    std::vector<std::string> names() const;
    std::size_t size() const { return records_; }

  private:
    std::vector<std::unique_ptr<std::string>> texts_;
    std::vector<std::unique_ptr<std::vector<PackageRecord>>> pools_;
    std::vector<IndexOrigin> origins_;  // by PackageRecord::index
    std::unordered_map<std::string_view, std::vector<const PackageRecord*>> by_name_;
    std::unordered_map<std::string_view, std::vector<Provider>> by_provision_;
    std::size_t records_ = 0;
};

}  // namespace osiekit::builder
