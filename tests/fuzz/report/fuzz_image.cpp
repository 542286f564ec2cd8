#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "builder/image/contents.hpp"
#include "builder/report/treemap.hpp"
#include "builder/report/verify.hpp"

using namespace osiekit::builder;

// An initramfs of anybody: verified, measured and drawn.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view image(reinterpret_cast<const char*>(data), size);
    Verification verification = verify_initramfs(image, nullptr);
    auto inspection = inspect_initramfs(image, 1U << 20U);
    if (!inspection) return 0;
    SizeNode tree = size_tree(contents_of(*std::move(inspection)), 0);
    if (tree.packed != image.size()) std::abort();
    std::string picture = treemap_svg(tree, {});
    for (char c : picture)
        if (static_cast<unsigned char>(c) < ' ' && c != '\n' && c != '\t') std::abort();
    return 0;
}
