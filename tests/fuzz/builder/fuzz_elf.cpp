// An ELF file, then a NUL, then the configuration of a loader.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "builder/linking/elf_dynamic.hpp"
#include "builder/linking/loader.hpp"

using namespace osiekit::builder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view file(reinterpret_cast<const char*>(data), size);
    auto dynamic = read_elf_dynamic(file);
    if (!dynamic || !*dynamic) return 0;
    const ElfDynamic& elf = **dynamic;
    if (elf.needed.size() > most_needed || elf.runpath.size() > longest_link_text) std::abort();
    std::string text(file.substr(file.rfind('\0') + 1));
    // It includes itself.
    LoaderRules rules = loader_rules(
        elf.interpreter, elf.machine, [&](const std::string&) { return text; },
        [](const std::string& pattern) { return std::vector<std::string>{pattern}; });
    LoadResult result = load_program("/bin/app", elf, rules, [&](const std::string& path) {
        return path.size() % 2 == 0 ? &elf : nullptr;
    });
    if (result.loaded.empty() || result.loaded.size() > most_loaded) std::abort();
    return 0;
}
