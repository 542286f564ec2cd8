#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "lib/base/text.hpp"
#include "lib/sandbox/limits.hpp"

namespace osiekit::sandbox {
namespace {

using nlohmann::json;

Error invalid(const std::string& where, const std::string& why) {
    return {ErrorKind::invalid_input, where + ": " + why};
}

Error unknown(const std::string& where, const std::string& name) {
    std::vector<std::string> known(limit_names.begin(), limit_names.end());
    Error error = invalid(where, "unknown key \"" + printable(name) + "\"");
    auto near = nearest(name, known);
    return near ? std::move(error).hint("did you mean \"" + *near + "\"?") : std::move(error);
}

// A number of processors has more ways to be written in JSON than in a text (1e0).
Result<std::uint32_t> cpu_millis_of(const json& value, const std::string& where) {
    double millis = value.is_number() ? value.get<double>() * 1000 : 0;
    if (!(millis >= least_cpu_millis && millis <= most_cpu_millis))
        return invalid(where, "must be a number of processors, 0.01 or more");
    return static_cast<std::uint32_t>(std::lround(millis));
}

}  // namespace

Result<Limits> limits_from_json(const json& value, const std::string& where) {
    if (!value.is_object()) return invalid(where, "must be an object");
    Limits limits;
    for (const auto& [name, member] : value.items()) {
        std::string place = where;
        place += "." + name;
        if (std::find(limit_names.begin(), limit_names.end(), name) == limit_names.end())
            return unknown(where, name);
        if (name == "cpus") {
            OSIEKIT_ASSIGN(limits.cpu_millis, cpu_millis_of(member, place));
            continue;
        }
        std::string text;  // what is neither becomes no limit at all, and is refused
        if (member.is_number_unsigned()) text = std::to_string(member.get<std::uint64_t>());
        if (member.is_string() && name != "processes") text = member.get<std::string>();
        if (Status status = set_limit(limits, name, text); !status)
            return invalid(place, status.error().message());
    }
    return limits;
}

json limits_to_json(const Limits& limits) {
    json value = json::object();
    if (limits.memory_bytes) value["memory"] = *limits.memory_bytes;
    if (limits.processes) value["processes"] = *limits.processes;
    if (limits.cpu_millis) value["cpus"] = *limits.cpu_millis / 1000.0;
    if (limits.io_bytes_per_second) value["io_per_second"] = *limits.io_bytes_per_second;
    return value;
}

}  // namespace osiekit::sandbox
