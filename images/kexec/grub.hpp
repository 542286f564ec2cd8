#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"

// Reads what a GRUB configuration would boot (GNU GRUB manual, section 6). It is a script in a
// language of its own; read here are its quoting, `set` and the menu, which is what distributions'
// generators write. Conditions are not judged: of two values the later one counts.
namespace osiekit::images::kexec {

inline constexpr std::size_t max_grub_config_bytes = 1U << 20U;
inline constexpr std::size_t max_grub_statement_bytes = 8U << 10U;  // variables filled in
inline constexpr std::size_t max_grub_variable_bytes = 1U << 20U;   // of all together
inline constexpr std::size_t max_grub_entries = 500;
inline constexpr std::size_t max_grub_depth = 16;    // of braces
inline constexpr std::size_t max_grub_initrds = 32;  // of one entry

struct BootEntry {
    std::string title;
    std::string kernel;  // paths within the file system, without GRUB's name of a disk
    std::vector<std::string> initrds;
    std::string arguments;
};

// The entry that `default` names by number, path of numbers ("1>0"), id or title; else the first
// one that has a kernel. Errors: invalid_input if there is none, limit.
Result<BootEntry> default_entry(std::string_view config);

}  // namespace osiekit::images::kexec
