#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/digest.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// What a lock file says (docs/lock.md): every input of an image by digest, so that a build that
// uses only it gives the same bytes. Values; the order of lists does not matter.

// A package as a repository describes it. No mirror is named: "location" is below its root.
struct LockedPackage {
    std::string system;  // "debian", "alpine"
    std::string name;
    std::string version;
    std::string architecture;
    std::vector<std::string> uses;  // "kernel", "image": what it is taken for, sorted
    std::string suite;              // Debian's suite, Alpine's branch
    std::string component;          // Debian's component, Alpine's repository
    std::string location;
    // What only the index says, and a locked build reads none: see LocatedPackage. May be empty.
    std::string source;
    std::string source_version;
    std::string license;
    std::string identity;
    std::uint64_t size = 0;
    Sha256 digest;

    bool operator==(const LockedPackage&) const = default;
};

// Something local by its digest: a file, a program, a key of the profile, a variable's value.
struct LockedDigest {
    std::string name;
    Sha256 digest;

    bool operator==(const LockedDigest&) const = default;
};

// What the profile asks a repository for: {"packages.debian", "strace"}.
struct LockedRequest {
    std::string list;
    std::string name;

    auto operator<=>(const LockedRequest&) const = default;
};

// All but the packages: what follows from the profile and this host without asking a mirror.
struct LockInputs {
    std::string profile;  // its name
    std::string architecture;
    std::string builder;      // version of osiekit
    std::string compression;  // method and parameters
    std::string library;      // that compresses, with its version
    std::uint32_t mtime = 0;  // of the files in the image, seconds since 1970
    std::vector<LockedDigest> keys;
    std::vector<LockedDigest> variables;
    std::vector<LockedDigest> files;     // by path, relative to the profile's folder
    std::vector<LockedDigest> programs;  // by name
    std::vector<LockedRequest> requests;

    bool operator==(const LockInputs&) const = default;
};

struct Lock {
    LockInputs inputs;
    std::vector<LockedPackage> packages;

    bool operator==(const Lock&) const = default;
};

constexpr std::uint64_t largest_lock = 16ULL << 20U;   // bytes of a lock file
constexpr std::size_t most_locked = 100'000;           // entries of a list
constexpr std::size_t longest_locked_text = 4096;      // bytes of a text in it
constexpr std::uint64_t largest_locked = 8ULL << 30U;  // bytes of a package
constexpr std::size_t deepest_lock = 8;                // levels of lists and mappings
constexpr int lock_format = 1;

// Puts the lists into the order in which they are written.
void sort_lock(Lock& lock);

// The lock file's text: JSON with one line an entry, in a fixed order, so that equal locks are
// equal files and a change shows as a changed line.
std::string lock_text(const Lock& lock);

// Reads a lock file strictly: unknown, missing and repeated keys are errors, and so are an entry
// that occurs twice and a location that leaves its mirror. Errors begin with `name`: invalid_input,
// limit, unsupported (a format of a later version).
Result<Lock> parse_lock(std::string_view text, const std::string& name);

}  // namespace osiekit::builder
