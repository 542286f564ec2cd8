#include "builder/linking/elf_dynamic.hpp"

#include <algorithm>

#include "builder/kernel/elf.hpp"

namespace osiekit::builder {

namespace {

constexpr std::uint16_t file_executable = 2;
constexpr std::uint16_t file_shared = 3;
constexpr std::uint32_t segment_load = 1;
constexpr std::uint32_t segment_dynamic = 2;
constexpr std::size_t entry_size = 16;

enum Tag : std::uint64_t {
    tag_end = 0,
    tag_needed = 1,
    tag_string_table = 5,
    tag_string_size = 10,
    tag_name = 14,
    tag_rpath = 15,
    tag_runpath = 29,
    tag_flags_1 = 0x6ffffffb,
};
constexpr std::uint64_t flag_no_default_folders = 0x800;

Error bad(const std::string& why) {
    return Error(ErrorKind::invalid_input, "not a usable ELF file: " + why);
}

// Where in the file an address of the program lies.
Result<std::uint64_t> offset_of(const std::vector<ElfSegment>& segments, std::uint64_t address) {
    for (const ElfSegment& segment : segments)
        if (segment.type == segment_load && address >= segment.address &&
            address - segment.address < segment.size)
            return segment.offset + (address - segment.address);
    return bad("its strings lie outside of what is loaded");
}

// The entries of the dynamic section, as far as they matter here.
struct Table {
    std::uint64_t strings = 0;  // address
    std::uint64_t strings_size = 0;
    std::vector<std::uint64_t> needed;  // offsets in the strings, as the others
    std::optional<std::uint64_t> name;
    std::optional<std::uint64_t> rpath;
    std::optional<std::uint64_t> runpath;
    std::uint64_t flags_1 = 0;
};

Result<Table> read_table(std::string_view bytes) {
    Table table;
    for (std::size_t at = 0; at + entry_size <= bytes.size(); at += entry_size) {
        std::uint64_t value = elf_number(bytes, at + 8, 8);
        switch (elf_number(bytes, at, 8)) {
            case tag_end:
                return table;
            case tag_needed:
                if (table.needed.size() == most_needed)
                    return Error(ErrorKind::limit, "an ELF file that needs more than " +
                                                       std::to_string(most_needed) + " libraries");
                table.needed.push_back(value);
                break;
            case tag_string_table:
                table.strings = value;
                break;
            case tag_string_size:
                table.strings_size = value;
                break;
            case tag_name:
                table.name = value;
                break;
            case tag_rpath:
                table.rpath = value;
                break;
            case tag_runpath:
                table.runpath = value;
                break;
            case tag_flags_1:
                table.flags_1 = value;
                break;
            default:
                break;
        }
    }
    return table;
}

// Names go into messages, and into texts that have to be UTF-8.
bool plain_text(std::string_view text) {
    return std::none_of(text.begin(), text.end(), [](char c) {
        auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte >= 0x7f;
    });
}

Result<std::string> string_at(std::string_view strings, std::uint64_t offset) {
    if (offset >= strings.size()) return bad("a name lies outside of its strings");
    std::string_view text = strings.substr(offset);
    std::size_t end = text.find('\0');
    if (end == std::string_view::npos) return bad("a name has no end");
    text = text.substr(0, end);
    if (text.size() > longest_link_text)
        return Error(ErrorKind::limit, "an ELF file with a name longer than " +
                                           std::to_string(longest_link_text) + " bytes");
    if (!plain_text(text)) return bad("a name has a control or non-ASCII character");
    return std::string(text);
}

}  // namespace

Result<std::optional<ElfDynamic>> read_elf_dynamic(std::string_view file) {
    OSIEKIT_ASSIGN(ElfHeader header, read_elf_header(file));
    if (header.type != file_executable && header.type != file_shared)
        return std::optional<ElfDynamic>();
    OSIEKIT_ASSIGN(std::vector<ElfSegment> segments, elf_segments(file));
    ElfDynamic dynamic;
    dynamic.machine = header.machine;
    OSIEKIT_ASSIGN(dynamic.interpreter, elf_interpreter(file));
    if (!plain_text(dynamic.interpreter))
        return bad("the name of its interpreter has a control or non-ASCII character");
    auto section = std::find_if(segments.begin(), segments.end(), [](const ElfSegment& segment) {
        return segment.type == segment_dynamic;
    });
    if (section == segments.end()) {
        if (dynamic.interpreter.empty()) return std::optional<ElfDynamic>();
        return std::optional(std::move(dynamic));
    }
    OSIEKIT_ASSIGN(std::string_view bytes,
                   elf_piece(file, section->offset, section->size, "its dynamic section"));
    OSIEKIT_ASSIGN(Table table, read_table(bytes));
    dynamic.no_default_folders = (table.flags_1 & flag_no_default_folders) != 0;
    if (table.strings_size == 0) return std::optional(std::move(dynamic));
    OSIEKIT_ASSIGN(std::uint64_t offset, offset_of(segments, table.strings));
    OSIEKIT_ASSIGN(std::string_view strings,
                   elf_piece(file, offset, table.strings_size, "the table of its strings"));
    for (std::uint64_t name : table.needed) {
        OSIEKIT_ASSIGN(std::string text, string_at(strings, name));
        dynamic.needed.push_back(std::move(text));
    }
    for (auto [place, text] :
         {std::pair(table.name, &dynamic.name), std::pair(table.rpath, &dynamic.rpath),
          std::pair(table.runpath, &dynamic.runpath)}) {
        if (!place) continue;
        OSIEKIT_ASSIGN(*text, string_at(strings, *place));
    }
    return std::optional(std::move(dynamic));
}

}  // namespace osiekit::builder
