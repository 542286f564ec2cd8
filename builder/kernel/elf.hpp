#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"

namespace osiekit::builder {

// The little of an ELF file (System V ABI, chapter 4) that an image builder asks for. Foreign
// bytes: every offset and count is checked against the file.
struct ElfHeader {
    std::uint16_t type = 0;     // ET_REL 1, ET_EXEC 2, ET_DYN 3
    std::uint16_t machine = 0;  // EM_X86_64 62, EM_AARCH64 183
    std::uint64_t program_offset = 0;
    std::uint16_t program_size = 0;  // of one program header
    std::uint16_t program_count = 0;
    std::uint64_t section_offset = 0;
    std::uint16_t section_size = 0;  // of one section header
    std::uint16_t section_count = 0;
    std::uint16_t section_names = 0;  // index of the section with the names
};

constexpr std::uint16_t elf_machine_x86_64 = 62;
constexpr std::uint16_t elf_machine_aarch64 = 183;
// Of Debian's name of an architecture.
constexpr std::uint16_t elf_machine_of(std::string_view architecture) {
    return architecture == "arm64" ? elf_machine_aarch64 : elf_machine_x86_64;
}

bool looks_like_elf(std::string_view file);
// Errors: invalid_input (no ELF, cut short), unsupported (not 64 bit little endian, or more than
// 65279 sections).
Result<ElfHeader> read_elf_header(std::string_view file);

// The bytes of the first section of this name; invalid_input if there is none or it lies outside of
// the file.
Result<std::string_view> elf_section(std::string_view file, std::string_view name);

// A program header: what the kernel and the loader look at.
struct ElfSegment {
    std::uint32_t type = 0;
    std::uint64_t offset = 0;   // in the file
    std::uint64_t address = 0;  // in memory
    std::uint64_t size = 0;     // bytes in the file
};
Result<std::vector<ElfSegment>> elf_segments(std::string_view file);

// `size` bytes at `offset`; invalid_input naming `what` if they lie outside of the file.
Result<std::string_view> elf_piece(std::string_view file, std::uint64_t offset, std::uint64_t size,
                                   std::string_view what);
// The number of `size` bytes, little endian, at `offset`; the caller has checked the range.
std::uint64_t elf_number(std::string_view bytes, std::size_t offset, std::size_t size);

// The program interpreter (PT_INTERP) that a dynamically linked program asks for; empty for a
// static one.
Result<std::string> elf_interpreter(std::string_view file);

}  // namespace osiekit::builder
