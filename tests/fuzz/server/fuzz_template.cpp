#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/template/template.hpp"

// Whatever the text, parsing and rendering end, within their limits.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const nlohmann::json root = {
        {"device_1", "52:54:00:12:34:01"},
        {"Hardware", {{"Disks", {"/dev/vda"}}, {"Metadata", {{"n", 5}, {"f", 1.5}}}}}};
    auto parsed = osiekit::server::Template::parse({reinterpret_cast<const char*>(data), size});
    if (!parsed) return 0;
    auto rendered = parsed->render(root);
    if (rendered && rendered->size() > osiekit::server::max_rendered_bytes) std::abort();
    return 0;
}
