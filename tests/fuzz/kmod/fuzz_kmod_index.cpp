#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "lib/base/text.hpp"
#include "lib/kmod/module_index.hpp"

using namespace osiekit;

// The input is the four files and one alias to look up, with a NUL between.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t parts = 5;
    std::vector<std::string_view> pieces = split({reinterpret_cast<const char*>(data), size}, '\0');
    pieces.resize(parts);
    kmod::IndexTexts texts{std::string(pieces[0]), std::string(pieces[1]), std::string(pieces[2]),
                           std::string(pieces[3])};
    auto index = kmod::ModuleIndex::parse(std::move(texts));
    if (!index) return 0;
    (void)index->resolve(pieces[4]);
    for (const std::string& name : index->names()) {
        const kmod::Module* module = index->find(name);
        if (module == nullptr || index->load_order(*module).empty()) std::abort();
    }
    return 0;
}
