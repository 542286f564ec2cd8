#include "server/cli/output.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <optional>

#include "lib/base/text.hpp"

namespace osiekit::tink {
namespace {

constexpr std::size_t max_text = 64U << 10U;  // eight times the longest line that agents send

std::string text(const Json& object, const char* key) {
    auto it = object.find(key);
    if (it == object.end() || it->is_null()) return "-";
    if (it->is_string()) return it->get<std::string>().empty() ? "-" : it->get<std::string>();
    return it->dump();
}

// Columns a text takes on the terminal: code points, without colour sequences.
std::size_t width(const std::string& value) {
    std::size_t columns = 0;
    bool in_sequence = false;
    for (char c : value) {
        if (c == '\x1b') in_sequence = true;
        if (!in_sequence && (static_cast<unsigned char>(c) & 0xc0U) != 0x80U) ++columns;
        if (in_sequence && c == 'm') in_sequence = false;
    }
    return columns;
}

// Milliseconds of an RFC 3339 text as client.cpp writes it.
std::optional<std::int64_t> millis(const Json& time) {
    if (!time.is_string()) return std::nullopt;
    std::tm parts{};
    int fraction = 0;
    int read = std::sscanf(time.get_ref<const std::string&>().c_str(), "%d-%d-%dT%d:%d:%d.%dZ",
                           &parts.tm_year, &parts.tm_mon, &parts.tm_mday, &parts.tm_hour,
                           &parts.tm_min, &parts.tm_sec, &fraction);
    if (read != 7) return std::nullopt;
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    return static_cast<std::int64_t>(::timegm(&parts)) * 1000 + fraction;
}

std::string second_of(const std::string& time) {
    return time.size() > 20 ? time.substr(0, 10) + " " + time.substr(11, 8) : time;
}

}  // namespace

std::string table(const std::vector<std::string>& header,
                  const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& title : header) widths.push_back(width(title));
    for (const auto& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
    std::string out;
    auto add = [&](const std::vector<std::string>& row) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            out += row[i];
            if (i + 1 < row.size()) out.append(widths[i] - width(row[i]) + 2, ' ');
        }
        out += '\n';
    };
    add(header);
    for (const auto& row : rows) add(row);
    return out;
}

std::string coloured_state(const std::string& state, bool colour) {
    if (!colour) return state;
    const char* code = state == "SUCCESS" ? "32" : state == "RUNNING" ? "33" : "31";
    if (state == "PENDING") return state;
    return "\x1b[" + std::string(code) + "m" + state + "\x1b[0m";
}

std::string duration(const Json& from, const Json& to) {
    auto start = millis(from);
    auto end = millis(to);
    if (!start || !end || *end < *start) return "-";
    auto tenths = (*end - *start) / 100;
    if (tenths < 600) return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
    auto seconds = tenths / 10;
    return std::to_string(seconds / 60) + " min " + std::to_string(seconds % 60) + " s";
}

std::string hardware_table(const Json& list) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& one : list) {
        auto interface = one.value("/document/spec/interfaces/0"_json_pointer, Json::object());
        rows.push_back({text(one, "name"), join(one["macs"].get<std::vector<std::string>>(), ","),
                        interface.value("/dhcp/ip/address"_json_pointer, "-"),
                        interface.value("/dhcp/hostname"_json_pointer, "-"),
                        interface.value("/netboot/allowPXE"_json_pointer, false) ? "yes" : "no"});
    }
    return table({"NAME", "MAC", "ADDRESS", "HOSTNAME", "NETBOOT"}, rows);
}

std::string template_table(const Json& list) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& one : list)
        rows.push_back({text(one, "name"), second_of(text(one, "created_at")),
                        second_of(text(one, "updated_at"))});
    return table({"NAME", "CREATED", "UPDATED"}, rows);
}

std::string workflow_table(const Json& list, const Style& style) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& one : list) {
        std::size_t done = 0;
        for (const auto& action : one["actions"]) done += action["state"] == "SUCCESS" ? 1 : 0;
        rows.push_back({text(one, "id"), text(one, "template"), text(one, "hardware"),
                        coloured_state(text(one, "state"), style.colour),
                        std::to_string(done) + "/" + std::to_string(one["actions"].size()),
                        second_of(text(one, "created_at")),
                        duration(one["started_at"], one["finished_at"])});
    }
    return table({"ID", "TEMPLATE", "HARDWARE", "STATE", "DONE", "CREATED", "DURATION"}, rows);
}

std::string workflow_text(const Json& workflow, const Style& style) {
    std::string out =
        "id:        " + text(workflow, "id") + "\n" + "template:  " + text(workflow, "template") +
        "\n" + "hardware:  " + text(workflow, "hardware") + "\n" +
        "state:     " + coloured_state(text(workflow, "state"), style.colour) + "\n" +
        "created:   " + second_of(text(workflow, "created_at")) + "\n" +
        "duration:  " + duration(workflow["started_at"], workflow["finished_at"]) + "\n";
    if (text(workflow, "message") != "-") out += "message:   " + text(workflow, "message") + "\n";
    std::vector<std::vector<std::string>> rows;
    for (const auto& action : workflow["actions"])
        rows.push_back({text(action, "task"), text(action, "name"),
                        coloured_state(text(action, "state"), style.colour),
                        duration(action["started_at"], action["finished_at"]),
                        text(action, "image"), text(action, "message")});
    return out + "\n" + table({"TASK", "ACTION", "STATE", "DURATION", "IMAGE", "MESSAGE"}, rows);
}

std::string log_line(const Json& record, std::uint64_t number, const Json& line,
                     const Style& style) {
    if (style.json) {
        Json whole = {{"time", line["time"]},
                      {"action", record["action"]},
                      {"action_id", record["action_id"]},
                      {"run", record["run"]},
                      {"line", number},
                      {"stream", line["stream"]},
                      {"text", line["text"]}};
        return whole.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    }
    std::string words = printable(line["text"].get_ref<const std::string&>(), max_text);
    if (style.colour && line["stream"] == "stderr") words = "\x1b[31m" + words + "\x1b[0m";
    std::string time = text(line, "time");
    if (time.size() > 23) time = time.substr(0, 10) + " " + time.substr(11, 12);
    return time + "  " + printable(text(record, "action"), 60) + " | " + words + "\n";
}

std::string missing_line(const Json& record, std::uint64_t count, const Style& style) {
    if (style.json)
        return Json({{"action", record["action"]},
                     {"action_id", record["action_id"]},
                     {"run", record["run"]},
                     {"missing_lines", count}})
                   .dump(-1, ' ', false, Json::error_handler_t::replace) +
               "\n";
    return printable(text(record, "action"), 60) + " | [" + std::to_string(count) +
           " lines are not kept here]\n";
}

std::string event_line(const Json& event, const Style& style) {
    if (style.json) return event.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    std::string number = text(event, "sequence");
    std::string kind = text(event, "kind");
    std::string who = text(event, "hardware");
    if (who == "-") who = text(event, "mac");
    auto padded = [](std::string value, std::size_t columns) {
        if (width(value) < columns) value.append(columns - width(value), ' ');
        return value;
    };
    std::string line = std::string(number.size() < 5 ? 5 - number.size() : 0, ' ') + number + "  " +
                       second_of(text(event, "time")) + "  " + padded(kind, 18) + "  " +
                       padded(who, 17) + "  " + printable(text(event, "text"), 500);
    std::string state = event.value("/detail/state"_json_pointer, "");
    bool final = kind == "action.finished" || kind == "workflow.finished";
    if (style.colour && final && !state.empty()) {
        auto at = line.rfind(state);
        if (at != std::string::npos) line.replace(at, state.size(), coloured_state(state, true));
    }
    return line + "\n";
}

}  // namespace osiekit::tink
