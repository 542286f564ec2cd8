// Line 1 is a request target, line 2 a Range header for a body of 1000 bytes.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/netboot/http/target.hpp"

using namespace osiekit::netboot::web;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    auto line = text.find('\n');
    auto target = parse_target(text.substr(0, line));
    if (target) {
        const auto& path = target->path;
        bool escapes = path.find("/../") != std::string::npos || path.find('\0') != path.npos ||
                       (path.size() >= 3 && path.substr(path.size() - 3) == "/..");
        if (path.empty() || path.front() != '/' || escapes) std::abort();
    }
    constexpr std::uint64_t body = 1000;
    Range range;
    auto header = line == text.npos ? std::string_view() : text.substr(line + 1);
    if (parse_range(header, body, range) == RangeVerdict::part)
        if (range.count == 0 || range.first >= body || range.count > body - range.first)
            std::abort();
    return 0;
}
