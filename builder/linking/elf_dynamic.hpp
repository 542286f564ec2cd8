#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"

namespace osiekit::builder {

// What a dynamically linked ELF program or library says to its loader (System V ABI, chapter 5;
// elf(5)).
struct ElfDynamic {
    std::uint16_t machine = 0;        // EM_X86_64 62, EM_AARCH64 183
    std::string interpreter;          // PT_INTERP; empty: a library, or a static program
    std::string name;                 // DT_SONAME
    std::vector<std::string> needed;  // DT_NEEDED, in their order
    std::string rpath;                // DT_RPATH, colons between the folders
    std::string runpath;              // DT_RUNPATH; where there is one, rpath does not count
    bool no_default_folders = false;  // DF_1_NODEFLIB
    bool operator==(const ElfDynamic&) const = default;
};

constexpr std::size_t most_needed = 1024;
constexpr std::size_t longest_link_text = 4096;  // of a name or a row of folders

// nullopt: an ELF file that no loader is asked to load (an object file, a kernel module, a core, a
// static program without a dynamic section). Foreign bytes: every offset is checked. Errors:
// invalid_input (no ELF, damaged, names with control or non-ASCII characters), unsupported (not 64
// bit little endian), limit.
Result<std::optional<ElfDynamic>> read_elf_dynamic(std::string_view file);

}  // namespace osiekit::builder
