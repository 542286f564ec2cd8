#include "server/template/value.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace osiekit::server::tmpl {
namespace {

using nlohmann::json;

// Go's %v: shortest form, exponent below 1e-4 and from 1e21.
std::string float_text(double value) {
    double size = std::fabs(value);
    bool scientific = size != 0 && (size < 1e-4 || size >= 1e21);
    std::array<char, 64> buffer{};
    auto [end, error] =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                      scientific ? std::chars_format::scientific : std::chars_format::fixed);
    return {buffer.data(), end};
}

}  // namespace

Value make_value(json value) {
    return std::make_shared<const json>(std::move(value));
}

bool is_true(const json& value) {
    switch (value.type()) {
        case json::value_t::null:
            return false;
        case json::value_t::boolean:
            return value.get<bool>();
        case json::value_t::string:
            return !value.get_ref<const std::string&>().empty();
        case json::value_t::array:
        case json::value_t::object:
            return !value.empty();
        default:
            return value.get<double>() != 0;
    }
}

std::string to_text(const json& value) {
    std::string out;
    switch (value.type()) {
        case json::value_t::null:
            return "<no value>";
        case json::value_t::string:
            return value.get<std::string>();
        case json::value_t::number_float:
            return float_text(value.get<double>());
        case json::value_t::array:
            for (const auto& item : value) out += (out.empty() ? "" : " ") + to_text(item);
            return "[" + out + "]";
        case json::value_t::object:
            for (const auto& [key, item] : value.items())
                out += (out.empty() ? "" : " ") + key + ":" + to_text(item);
            return "map[" + out + "]";
        default:
            return value.dump();
    }
}

std::string kind_name(const json& value) {
    switch (value.type()) {
        case json::value_t::null:
            return "invalid";
        case json::value_t::boolean:
            return "bool";
        case json::value_t::string:
            return "string";
        case json::value_t::number_float:
            return "float64";
        case json::value_t::array:
            return "slice";
        case json::value_t::object:
            return "map";
        default:
            return "int";
    }
}

std::size_t weight(const json& value) {
    if (value.is_string()) return 1 + value.get_ref<const std::string&>().size();
    std::size_t sum = 1;
    if (value.is_object())
        for (const auto& [key, item] : value.items()) sum += key.size() + weight(item);
    if (value.is_array())
        for (const auto& item : value) sum += weight(item);
    return sum;
}

}  // namespace osiekit::server::tmpl
