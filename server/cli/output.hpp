#pragma once

#include <string>
#include <vector>

#include "server/cli/client.hpp"

namespace osiekit::tink {

// How results are shown. Colours only where a terminal reads them.
struct Style {
    bool json = false;
    bool colour = false;
};

// Rows under a header, columns aligned, two blanks between; no trailing blanks.
std::string table(const std::vector<std::string>& header,
                  const std::vector<std::vector<std::string>>& rows);

// "SUCCESS" in green, "FAILED" and "TIMEOUT" in red, "RUNNING" in yellow.
std::string coloured_state(const std::string& state, bool colour);

// "1.5 s", "2 min 3 s"; "-" if one of the times (RFC 3339 texts or null) is missing.
std::string duration(const Json& from, const Json& to);

std::string hardware_table(const Json& list);
std::string template_table(const Json& list);
std::string workflow_table(const Json& list, const Style& style);
std::string workflow_text(const Json& workflow, const Style& style);
// One line of an action's output, whose number within its run is `number`; with `json` an object
// that says all of it. `record` is what Client::logs gives.
std::string log_line(const Json& record, std::uint64_t number, const Json& line,
                     const Style& style);
// Stands for lines of a run that are not kept.
std::string missing_line(const Json& record, std::uint64_t count, const Style& style);
std::string event_line(const Json& event, const Style& style);

}  // namespace osiekit::tink
