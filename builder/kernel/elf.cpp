#include "builder/kernel/elf.hpp"

namespace osiekit::builder {

namespace {

constexpr std::size_t header_size = 64;
constexpr std::size_t section_header_size = 64;
constexpr std::size_t program_header_size = 56;
constexpr std::uint16_t first_reserved_index = 0xff00;
constexpr std::uint32_t type_interpreter = 3;
constexpr std::uint32_t type_no_bits = 8;
constexpr std::size_t longest_interpreter = 4096;

Error bad(const std::string& why) {
    return Error(ErrorKind::invalid_input, "not a usable ELF file: " + why);
}

}  // namespace

std::uint64_t elf_number(std::string_view bytes, std::size_t offset, std::size_t size) {
    std::uint64_t value = 0;
    for (std::size_t i = size; i > 0; --i)
        value = value << 8U | static_cast<unsigned char>(bytes[offset + i - 1]);
    return value;
}

Result<std::string_view> elf_piece(std::string_view file, std::uint64_t offset, std::uint64_t size,
                                   std::string_view what) {
    if (offset > file.size() || size > file.size() - offset)
        return bad(std::string(what) + " lies outside of the file");
    return file.substr(offset, size);
}

namespace {

struct Section {
    std::uint32_t name = 0;
    std::uint32_t type = 0;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
};

Result<Section> section_at(std::string_view file, const ElfHeader& header, std::size_t index) {
    OSIEKIT_ASSIGN(std::string_view bytes,
                   elf_piece(file, header.section_offset + index * header.section_size,
                             section_header_size, "a section header"));
    Section section;
    section.name = static_cast<std::uint32_t>(elf_number(bytes, 0, 4));
    section.type = static_cast<std::uint32_t>(elf_number(bytes, 4, 4));
    section.offset = elf_number(bytes, 24, 8);
    section.size = elf_number(bytes, 32, 8);
    return section;
}

}  // namespace

bool looks_like_elf(std::string_view file) {
    return file.starts_with(
        "\x7f"
        "ELF");
}

Result<ElfHeader> read_elf_header(std::string_view file) {
    if (!looks_like_elf(file)) return bad("it does not start with the ELF magic");
    if (file.size() < header_size) return bad("it is cut short");
    if (file[4] != 2 || file[5] != 1)
        return Error(ErrorKind::unsupported, "an ELF file that is not 64 bit little endian");
    ElfHeader header;
    header.type = static_cast<std::uint16_t>(elf_number(file, 16, 2));
    header.machine = static_cast<std::uint16_t>(elf_number(file, 18, 2));
    header.program_offset = elf_number(file, 32, 8);
    header.section_offset = elf_number(file, 40, 8);
    header.program_size = static_cast<std::uint16_t>(elf_number(file, 54, 2));
    header.program_count = static_cast<std::uint16_t>(elf_number(file, 56, 2));
    header.section_size = static_cast<std::uint16_t>(elf_number(file, 58, 2));
    header.section_count = static_cast<std::uint16_t>(elf_number(file, 60, 2));
    header.section_names = static_cast<std::uint16_t>(elf_number(file, 62, 2));
    // Offsets beyond the file would wrap when an index is added to them.
    if (header.section_offset > file.size() || header.program_offset > file.size())
        return bad("its tables lie outside of the file");
    if (header.section_count > 0 && header.section_size < section_header_size)
        return bad("its section headers are too small");
    if (header.program_count > 0 && header.program_size < program_header_size)
        return bad("its program headers are too small");
    if (header.section_names >= first_reserved_index ||
        header.section_count >= first_reserved_index)
        return Error(ErrorKind::unsupported, "an ELF file with more than 65279 sections");
    return header;
}

Result<std::string_view> elf_section(std::string_view file, std::string_view name) {
    OSIEKIT_ASSIGN(ElfHeader header, read_elf_header(file));
    if (header.section_names >= header.section_count) return bad("it has no section names");
    OSIEKIT_ASSIGN(Section names_section, section_at(file, header, header.section_names));
    OSIEKIT_ASSIGN(std::string_view names, elf_piece(file, names_section.offset, names_section.size,
                                                     "the table of section names"));
    for (std::size_t i = 0; i < header.section_count; ++i) {
        OSIEKIT_ASSIGN(Section section, section_at(file, header, i));
        if (section.name >= names.size()) continue;
        std::string_view rest = names.substr(section.name);
        if (rest.substr(0, rest.find('\0')) != name || section.type == type_no_bits) continue;
        return elf_piece(file, section.offset, section.size, "section " + std::string(name));
    }
    return bad("it has no section " + std::string(name));
}

Result<std::vector<ElfSegment>> elf_segments(std::string_view file) {
    OSIEKIT_ASSIGN(ElfHeader header, read_elf_header(file));
    std::vector<ElfSegment> segments;
    for (std::size_t i = 0; i < header.program_count; ++i) {
        OSIEKIT_ASSIGN(std::string_view bytes,
                       elf_piece(file, header.program_offset + i * header.program_size,
                                 program_header_size, "a program header"));
        segments.push_back({static_cast<std::uint32_t>(elf_number(bytes, 0, 4)),
                            elf_number(bytes, 8, 8), elf_number(bytes, 16, 8),
                            elf_number(bytes, 32, 8)});
    }
    return segments;
}

Result<std::string> elf_interpreter(std::string_view file) {
    OSIEKIT_ASSIGN(std::vector<ElfSegment> segments, elf_segments(file));
    for (const ElfSegment& segment : segments) {
        if (segment.type != type_interpreter) continue;
        if (segment.size > longest_interpreter)
            return bad("the name of its interpreter is too long");
        OSIEKIT_ASSIGN(std::string_view name, elf_piece(file, segment.offset, segment.size,
                                                        "the name of its interpreter"));
        return std::string(name.substr(0, name.find('\0')));
    }
    return std::string();
}

}  // namespace osiekit::builder
