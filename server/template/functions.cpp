#include "server/template/functions.hpp"

#include <charconv>

#include "lib/base/text.hpp"

namespace osiekit::server::tmpl {
namespace {

using nlohmann::json;

const FunctionTable& table() {
    static const FunctionTable functions = [] {
        FunctionTable all;
        add_text_functions(all);
        add_collection_functions(all);
        add_logic_functions(all);
        add_number_functions(all);
        add_encoding_functions(all);
        return all;
    }();
    return functions;
}

// Sprig functions that need a changeable map, which values here are not.
bool changes_maps(std::string_view name) {
    return name == "set" || name == "unset";
}

std::string shown(const json& value) {
    return printable(to_text(value), 40);
}

}  // namespace

Error bad_argument(const std::string& what) {
    return {ErrorKind::invalid_input, what};
}

Error Arguments::wrong(std::size_t i, const char* wanted) const {
    return bad_argument("argument " + std::to_string(i + 1) + " must be " + wanted + ", not the " +
                        kind_name(at(i)) + " " + shown(at(i)));
}

Result<std::string> Arguments::text(std::size_t i) const {
    if (at(i).is_string()) return at(i).get<std::string>();
    return wrong(i, "text");
}

std::string Arguments::any_text(std::size_t i) const {
    return to_text(at(i));
}

Result<std::int64_t> Arguments::integer(std::size_t i) const {
    const json& value = at(i);
    if (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX)
        return wrong(i, "a smaller number");
    if (value.is_number_integer()) return value.get<std::int64_t>();
    if (value.is_number_float()) {
        double real = value.get<double>();
        if (real > -9.2e18 && real < 9.2e18) return static_cast<std::int64_t>(real);
    }
    if (value.is_boolean()) return value.get<bool>() ? 1 : 0;
    if (value.is_string()) {
        const auto& text = value.get_ref<const std::string&>();
        std::int64_t number = 0;
        auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error == std::errc() && end == text.data() + text.size()) return number;
    }
    return wrong(i, "a whole number");
}

Result<double> Arguments::real(std::size_t i) const {
    const json& value = at(i);
    if (value.is_number()) return value.get<double>();
    if (value.is_string()) {
        const auto& text = value.get_ref<const std::string&>();
        double number = 0;
        auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error == std::errc() && end == text.data() + text.size()) return number;
    }
    return wrong(i, "a number");
}

Result<const json*> Arguments::list(std::size_t i) const {
    if (at(i).is_array()) return &at(i);
    return wrong(i, "a list");
}

Result<const json*> Arguments::map(std::size_t i) const {
    if (at(i).is_object()) return &at(i);
    return wrong(i, "a map");
}

const Function* find_function(std::string_view name) {
    if (auto it = table().find(name); it != table().end()) return &it->second;
    // Sprig's must… variants differ only in how they report errors.
    if (name.size() > 4 && name.starts_with("must") && name[4] >= 'A' && name[4] <= 'Z') {
        std::string plain(name.substr(4));
        plain[0] = static_cast<char>(plain[0] - 'A' + 'a');
        if (auto it = table().find(plain); it != table().end()) return &it->second;
    }
    return nullptr;
}

Status check_function(std::string_view name, int line) {
    if (name == "and" || name == "or" || find_function(name)) return {};
    std::vector<std::string> names = {"and", "or"};
    for (const auto& [known, function] : table()) names.push_back(known);
    Error error(ErrorKind::invalid_input, "line " + std::to_string(line) + ": the function '" +
                                              printable(name, 40) + "' is not known");
    if (changes_maps(name))
        return std::move(error).hint("values cannot be changed; use dict and merge");
    if (auto near = nearest(name, names))
        return std::move(error).hint("did you mean '" + *near + "'?");
    return std::move(error).hint("a value needs a leading dot, as in ." + printable(name, 40));
}

}  // namespace osiekit::server::tmpl
