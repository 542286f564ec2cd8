#pragma once

#include <catch2/catch.hpp>
#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "builder/packages/query.hpp"
#include "builder/tree.hpp"
#include "lib/base/child.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"

namespace osiekit::builder::test {

// A little-endian ELF file for x86-64 with the given sections (and names for them), as far as a
// reader of sections looks.
std::string make_elf(const std::vector<std::pair<std::string, std::string>>& sections);
// A static program's first bytes; with an interpreter those of a dynamically linked one.
std::string make_program(const std::string& interpreter = "", std::uint16_t machine = 62);

// "key=value" lines as a module's .modinfo, and a whole module around them.
std::string make_module(const std::string& name, const std::vector<std::string>& fields);

// A binary package made by dpkg-deb from files (path to content; a path that ends with "/" is a
// directory).
struct PackageSpec {
    std::string name = "package";
    std::string version = "1";
    std::vector<std::pair<std::string, std::string>> files;
    std::string fields = {};  // more lines of the control file
};
std::filesystem::path make_deb(const std::filesystem::path& folder, const PackageSpec& spec);

// A kernel package with a few modules that depend on each other.
PackageSpec kernel_package();

// The whole text or bytes of a file that must be there.
std::string slurp(const std::filesystem::path& path);
void spill(const std::filesystem::path& path, const std::string& content);

std::vector<std::string> names_of(const std::vector<PackageRequest>& requests);

// Runs the program osiekit on FOLDER/p.yaml, with the init and agent, the cache and the output
// (FOLDER/out) of that folder, and with these variables. The first word is the command.
CommandOutput run_osiekit(const std::filesystem::path& folder,
                          const std::vector<std::string>& words,
                          const std::vector<std::string>& environment);

// Archive of the entries, for looking at.
std::string cpio_of(const Tree& tree, std::uint32_t mtime = 0, const std::string& last = "");

}  // namespace osiekit::builder::test
