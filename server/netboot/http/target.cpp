#include "server/netboot/http/target.hpp"

#include <algorithm>

#include "lib/base/text.hpp"

namespace osiekit::netboot::web {
namespace {

Error bad(std::string why) {
    return {ErrorKind::invalid_input, "request target: " + std::move(why)};
}

Result<std::string> percent_decoded(std::string_view text) {
    std::string decoded;
    decoded.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded += text[i];
            continue;
        }
        auto byte = from_hex(text.substr(i + 1, 2));
        if (!byte || byte->size() != 1) return bad("a bad percent code");
        decoded += *byte;
        i += 2;
    }
    return decoded;
}

}  // namespace

Result<Target> parse_target(std::string_view text) {
    if (text.size() > largest_target)
        return Error(ErrorKind::limit,
                     "request target: longer than " + std::to_string(largest_target) + " bytes");
    auto question = text.find('?');
    Target target;
    if (question != std::string_view::npos) target.query = text.substr(question + 1);
    OSIEKIT_ASSIGN(target.path, percent_decoded(text.substr(0, question)));
    if (target.path.empty() || target.path.front() != '/') return bad("does not begin with a '/'");
    bool control = std::any_of(target.path.begin(), target.path.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    });
    if (control) return bad("a control character");
    for (auto segment : split(target.path, '/'))
        if (segment == "." || segment == "..") return bad("a segment of dots");
    return target;
}

std::optional<std::string_view> below(std::string_view path, std::string_view prefix) {
    if (path.substr(0, prefix.size()) != prefix) return std::nullopt;
    return path.substr(prefix.size());
}

bool is_plain_path(std::string_view path) {
    auto segments = split(path, '/');
    return std::none_of(segments.begin(), segments.end(), [](std::string_view segment) {
        return segment.empty() || segment.front() == '.';
    });
}

RangeVerdict parse_range(std::string_view header, std::uint64_t size, Range& range) {
    constexpr std::string_view unit = "bytes=";
    if (!equal_ignoring_case(header.substr(0, unit.size()), unit)) return RangeVerdict::whole;
    auto spec = trim(header.substr(unit.size()));
    auto dash = spec.find('-');
    if (dash == std::string_view::npos || spec.find(',') != std::string_view::npos)
        return RangeVerdict::whole;
    auto first = parse_u64(spec.substr(0, dash));
    auto last = parse_u64(spec.substr(dash + 1));
    bool from_the_end = dash == 0;
    bool to_the_end = dash + 1 == spec.size();
    if ((!first && !from_the_end) || (!last && !to_the_end) || (from_the_end && to_the_end))
        return RangeVerdict::whole;
    if (from_the_end) {
        if (*last == 0 || size == 0) return RangeVerdict::unsatisfiable;
        range.count = std::min(*last, size);
        range.first = size - range.count;
        return RangeVerdict::part;
    }
    if (last && *last < *first) return RangeVerdict::whole;
    if (*first >= size) return RangeVerdict::unsatisfiable;
    range.first = *first;
    range.count = (last ? std::min(*last, size - 1) : size - 1) - *first + 1;
    return RangeVerdict::part;
}

}  // namespace osiekit::netboot::web
