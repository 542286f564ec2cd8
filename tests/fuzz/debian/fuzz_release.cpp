#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "builder/debian/release.hpp"
#include "builder/debian/signature.hpp"

using namespace osiekit::builder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    auto release = parse_release(text);
    if (release && release->files.empty()) std::abort();
    (void)parse_release(strip_clear_signature(text));
    return 0;
}
