#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "builder/kernel/elf.hpp"
#include "builder/kernel/modinfo.hpp"

using namespace osiekit::builder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view file(reinterpret_cast<const char*>(data), size);
    auto info = read_modinfo(file);
    if (info)
        for (const std::string& alias : info->aliases)
            if (alias.find('\n') != std::string::npos) std::abort();
    static_cast<void>(elf_interpreter(file).ok());
    static_cast<void>(parse_modinfo(file).ok());
    return 0;
}
