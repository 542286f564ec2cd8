#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "builder/alpine/keys.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder::alpine {

// What we need of a record of an APKINDEX. The views point into the text it was parsed from.
struct Record {
    std::string_view identity;  // C: "Q1" and base64 of the SHA-1 of the control part
    std::string_view name;
    std::string_view version;
    std::string_view architecture;
    std::string_view license;
    std::string_view origin;
    std::string_view depends;
    std::string_view provides;
    std::string_view install_if;
    std::uint64_t size = 0;            // S: of the .apk file
    std::uint64_t installed_size = 0;  // I: bytes
    std::uint64_t priority = 0;        // k: provider priority
    std::uint32_t repository = 0;
};

constexpr std::uint64_t index_file_limit = 64ULL << 20;  // APKINDEX.tar.gz; Alpine's have 2 MiB
constexpr std::uint64_t index_unpacked_limit = 300ULL << 20;  // as in apk-tools
constexpr std::size_t index_record_limit = 1'000'000;
constexpr std::uint64_t package_size_limit = 512ULL
                                             << 20;  // an .apk; Alpine's largest have 300 MiB

// Verifies an APKINDEX.tar.gz and gives the text of the index in it. Errors: refused (signature),
// invalid_input, limit.
Result<std::string> read_index_archive(std::string_view bytes, const Keys& keys);

// Records with an upper-case field that is unknown to us are left out, as apk does, and those
// without the fields C, P, V and S are errors. Errors: invalid_input, limit.
Result<std::vector<Record>> parse_index(std::string_view text);

// All records of all repositories, to be asked by name.
class Index {
  public:
    struct Candidate {
        const Record* record;
        std::string_view version;  // as which it has the name; empty: a virtual name without one
    };

    // `name` is that of the repository, for messages and for who asks for "package@name".
    Status add(std::string text, std::uint32_t repository, std::string name = {});
    // Sorts; call once after the last add().
    void finish();

    // The packages that have or provide a name, best first: highest version of the name, highest
    // version of the package, highest priority, first repository.
    const std::vector<Candidate>& named(std::string_view name) const;
    const std::vector<const Record*>& conditional() const { return conditional_; }
    std::vector<std::string> names() const;  // of packages
    // Of the repositories, in the order of their numbers.
    const std::vector<std::string>& repositories() const { return repositories_; }

  private:
    void enter(const Record& record);

    std::vector<std::string> repositories_;
    std::vector<std::unique_ptr<std::string>> texts_;
    std::vector<std::unique_ptr<std::vector<Record>>> pools_;
    std::unordered_map<std::string_view, std::vector<Candidate>> by_name_;
    std::vector<const Record*> conditional_;  // with install_if
};

}  // namespace osiekit::builder::alpine
