#include "builder/action/program_file.hpp"

#include <elf.h>

#include <cstring>

namespace osiekit::action {
namespace {

Error invalid(std::string text) {
    return {ErrorKind::invalid_input, std::move(text)};
}

}  // namespace

Result<std::string> static_program_architecture(std::string_view bytes) {
    Elf64_Ehdr header{};
    if (bytes.size() < sizeof header || bytes.substr(0, SELFMAG) != ELFMAG)
        return invalid("not an ELF program");
    std::memcpy(&header, bytes.data(), sizeof header);
    if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
        (header.e_type != ET_EXEC && header.e_type != ET_DYN) ||
        header.e_phentsize != sizeof(Elf64_Phdr))
        return invalid("not a 64-bit little-endian program");
    for (std::size_t i = 0; i < header.e_phnum; ++i) {
        Elf64_Phdr segment{};
        if (header.e_phoff > bytes.size() ||
            bytes.size() - header.e_phoff < (i + 1) * sizeof segment)
            return invalid("a cut ELF program");
        std::memcpy(&segment, bytes.data() + header.e_phoff + i * sizeof segment, sizeof segment);
        if (segment.p_type == PT_INTERP)
            return invalid("dynamically linked, so it cannot run in an otherwise empty image");
    }
    switch (header.e_machine) {
        case EM_X86_64:
            return std::string("amd64");
        case EM_AARCH64:
            return std::string("arm64");
        default:
            return invalid("a program for ELF machine " + std::to_string(header.e_machine) +
                           ", which has no image name here");
    }
}

}  // namespace osiekit::action
