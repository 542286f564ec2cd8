#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"
#include "lib/sandbox/sandbox.hpp"

// Limits as people write them: in the agent's policy, in profiles and in what the builder writes
// for init. Everywhere they have the same names and the same values.
namespace osiekit::sandbox {

inline constexpr std::array<std::string_view, 4> limit_names = {"memory", "processes", "cpus",
                                                                "io_per_second"};

// Thousandths of a processor. The least is the kernel's: 1 ms in each period of 100 ms.
inline constexpr std::uint32_t least_cpu_millis = 10;
inline constexpr std::uint32_t most_cpu_millis = 1'000'000'000;

// "512MiB", "1GiB", "64KiB" or a plain number of bytes; not 0.
std::optional<std::uint64_t> parse_size(std::string_view text);

// Sets the limit of that name: memory and io_per_second as parse_size(); processes a whole number
// above 0; cpus a number of processors from 0.01 on, with at most three decimals. Error kind
// invalid_input, without the name.
Status set_limit(Limits& limits, std::string_view name, std::string_view text);

// A JSON object of these: numbers, of sizes also texts. Error kind invalid_input; it begins with
// `where`, or that and the name. Unknown names are errors, as a misspelt limit would bound nothing.
Result<Limits> limits_from_json(const nlohmann::json& value, const std::string& where);
// The object that gives these limits again.
nlohmann::json limits_to_json(const Limits& limits);

}  // namespace osiekit::sandbox
