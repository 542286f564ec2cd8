#pragma once

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "builder/linking/check_libraries.hpp"
#include "builder/tree.hpp"
#include "lib/base/temp_dir.hpp"

namespace osiekit::builder::test {

// The start of an ELF file with a dynamic section: as much as a reader of it looks at.
struct DynamicEntry {
    std::uint64_t tag = 0;
    std::string text;  // its value is the text's place in the strings
};
std::string make_dynamic(const std::vector<DynamicEntry>& entries, std::uint16_t type = 3);

// A root file system of real programs and libraries, made by the compiler.
class Root {
  public:
    Root();
    // The C library and loader of this machine (glibc), or musl's.
    void add_glibc();
    void add_musl();
    // A library that defines a function of its name and calls those of `uses`, which are paths in
    // this root.
    void library(const std::string& path, const std::vector<std::string>& uses = {},
                 const std::vector<std::string>& flags = {}, bool musl = false);
    // A program that calls them.
    void program(const std::string& path, const std::vector<std::string>& uses = {},
                 const std::vector<std::string>& flags = {}, bool musl = false);
    void text(const std::string& path, const std::string& content);
    void link(const std::string& path, const std::string& target);
    void copy(const std::filesystem::path& from, const std::string& path);

    // Whether the program starts, and does what it is for, with this as its root.
    bool starts(const std::string& path) const;
    // A program of this machine with the root file system of this machine, or of this root.
    LibraryReport check(const OptionalPrograms& optional = {}) const;
    Tree tree() const;
    const std::filesystem::path& path() const { return folder_.path(); }

  private:
    void compile(const std::string& path, const std::string& source,
                 const std::vector<std::string>& uses, std::vector<std::string> flags, bool musl);
    TempDir folder_;
};

// Words before a command that give it another root, also for somebody who is not root.
std::vector<std::string> in_root(const std::filesystem::path& root);
// Runs it and requires success.
std::string output_of(const std::vector<std::string>& command);

}  // namespace osiekit::builder::test
