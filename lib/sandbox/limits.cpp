#include "lib/sandbox/limits.hpp"

#include <algorithm>

#include "lib/base/text.hpp"

namespace osiekit::sandbox {
namespace {

constexpr std::size_t most_decimals = 3;

Error invalid(const char* why) {
    return {ErrorKind::invalid_input, why};
}

// Thousandths of "1.5".
std::optional<std::uint64_t> parse_thousandths(std::string_view text) {
    std::size_t dot = std::min(text.find('.'), text.size());
    std::string decimals(dot == text.size() ? "0" : text.substr(dot + 1));
    auto whole = parse_u64(text.substr(0, dot));
    if (!whole || *whole > most_cpu_millis / 1000 || decimals.empty() ||
        decimals.size() > most_decimals)
        return std::nullopt;
    decimals.resize(most_decimals, '0');
    auto part = parse_u64(decimals);
    if (!part) return std::nullopt;
    return *whole * 1000 + *part;
}

Status set_size(std::optional<std::uint64_t>& limit, std::string_view text) {
    limit = parse_size(text);
    if (limit) return {};
    return invalid("must be a number of bytes above 0, or a text such as \"512MiB\"");
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
    static constexpr std::array<std::pair<std::string_view, unsigned>, 4> units = {
        {{"KiB", 10U}, {"MiB", 20U}, {"GiB", 30U}, {"", 0U}}};
    for (const auto& [unit, shift] : units) {
        if (text.size() <= unit.size() || text.substr(text.size() - unit.size()) != unit) continue;
        auto number = parse_u64(text.substr(0, text.size() - unit.size()));
        if (number && *number > 0 && *number <= (UINT64_MAX >> shift)) return *number << shift;
        return std::nullopt;
    }
    return std::nullopt;
}

Status set_limit(Limits& limits, std::string_view name, std::string_view text) {
    if (name == "memory") return set_size(limits.memory_bytes, text);
    if (name == "io_per_second") return set_size(limits.io_bytes_per_second, text);
    if (name == "processes") {
        limits.processes = parse_u64(text);
        if (limits.processes && *limits.processes > 0) return {};
        return invalid("must be a whole number above 0");
    }
    if (name != "cpus")
        return invalid("is no limit").hint("memory, processes, cpus, io_per_second");
    auto thousandths = parse_thousandths(text);
    if (!thousandths || *thousandths < least_cpu_millis || *thousandths > most_cpu_millis)
        return invalid("must be a number of processors, 0.01 or more, with at most three decimals");
    limits.cpu_millis = static_cast<std::uint32_t>(*thousandths);
    return {};
}

}  // namespace osiekit::sandbox
