#include <cstdint>
#include <cstdlib>

#include "builder/kernel/kernel_image.hpp"

using namespace osiekit::builder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view file(reinterpret_cast<const char*>(data), size);
    auto payload = bzimage_payload(file);
    if (payload && (payload->data() < file.data() ||
                    payload->data() + payload->size() > file.data() + file.size()))
        std::abort();
    static_cast<void>(kernel_reads_argument(file, "x="));
    return 0;
}
