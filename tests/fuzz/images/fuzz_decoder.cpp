// Whatever a server sends as a compressed image.
#include <cstdint>

#include "images/image2disk/decoder.hpp"

using namespace osiekit;
using namespace osiekit::images::image2disk;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t most_output = 8U << 20U;  // a bomb is the disk's problem, not this test's
    std::string_view input(reinterpret_cast<const char*>(data), size);
    std::size_t total = 0;
    auto decoder = make_detecting_decoder();
    auto sink = [&](std::string_view piece) -> Status {
        total += piece.size();
        if (total > most_output) return Error(ErrorKind::limit, "enough");
        return {};
    };
    Status first = decoder->feed(input.substr(0, size / 2), sink);
    if (first && decoder->feed(input.substr(size / 2), sink))
        static_cast<void>(decoder->finish().ok());
    return 0;
}
