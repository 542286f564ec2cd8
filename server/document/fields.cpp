#include "server/document/fields.hpp"

#include "lib/base/text.hpp"

namespace osiekit::server {
namespace {

using nlohmann::json;

const json empty_object = json::object();

std::string shown(const json& value) {
    return printable(value.dump(-1, ' ', false, json::error_handler_t::replace), 60);
}

}  // namespace

std::string Problems::place(const std::string& path) const {
    int line = document_.line(path);
    std::string text = line > 0 ? "line " + std::to_string(line) + ": " : "";
    return path.empty() ? text : text + path + ": ";
}

void Problems::add(const std::string& path, const std::string& what, const std::string& advice) {
    found_.push_back(place(path) + what + (advice.empty() ? "" : " (hint: " + advice + ")"));
}

void Problems::warn(const std::string& path, const std::string& what) {
    warnings_.push_back(place(path) + what);
}

Status Problems::status() const {
    if (found_.empty()) return {};
    std::vector<std::string> first(found_.begin(), found_.begin() + std::min(found_.size(), shown));
    std::string text = join(first, "; ");
    if (found_.size() > shown)
        text += "; and " + std::to_string(found_.size() - shown) + " more problems";
    return Error(ErrorKind::invalid_input, text);
}

Fields::Fields(const json& object, std::string path, Problems& problems)
    : object_(object.is_object() ? object : empty_object),
      path_(std::move(path)),
      problems_(problems) {
    if (!object.is_object() && !object.is_null())
        problems_.add(path_, "must be a mapping, not " + shown(object));
}

const json* Fields::find(std::string_view key) const {
    auto it = object_.find(std::string(key));
    return it == object_.end() || it->is_null() ? nullptr : &*it;
}

bool Fields::has(std::string_view key) const {
    return find(key) != nullptr;
}

std::string Fields::path_of(std::string_view key) const {
    if (key.empty()) return path_;
    return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

std::string Fields::text(std::string_view key) {
    const json* value = find(key);
    if (!value) return {};
    if (value->is_string()) return value->get<std::string>();
    problem(key, "must be text, not " + shown(*value), "put it in quotes");
    return {};
}

std::string Fields::scalar_at(const json& value, const std::string& path) {
    if (value.is_string()) return value.get<std::string>();
    if (auto it = problems_.document().raw.find(path); it != problems_.document().raw.end())
        return it->second;
    if (value.is_primitive() && !value.is_null()) return value.dump();
    problems_.add(path, "must be text, not " + shown(value));
    return {};
}

std::string Fields::scalar_text(std::string_view key) {
    const json* value = find(key);
    return value ? scalar_at(*value, path_of(key)) : std::string();
}

std::int64_t Fields::integer(std::string_view key, std::int64_t least, std::int64_t most,
                             std::int64_t fallback) {
    const json* value = find(key);
    if (!value) return fallback;
    if (value->is_number_unsigned() &&
        value->get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX)) {
        problem(key, shown(*value) + " is too large");
        return fallback;
    }
    if (!value->is_number_integer()) {
        problem(key, "must be a whole number, not " + shown(*value));
        return fallback;
    }
    auto number = value->get<std::int64_t>();
    if (number >= least && number <= most) return number;
    problem(key,
            shown(*value) + " is outside " + std::to_string(least) + " to " + std::to_string(most));
    return fallback;
}

bool Fields::boolean(std::string_view key, bool fallback) {
    const json* value = find(key);
    if (!value) return fallback;
    if (value->is_boolean()) return value->get<bool>();
    problem(key, "must be true or false, not " + shown(*value));
    return fallback;
}

std::vector<std::string> Fields::texts(std::string_view key) {
    std::vector<std::string> result;
    const json* value = find(key);
    if (!value) return result;
    if (!value->is_array()) {
        problem(key, "must be a list, not " + shown(*value));
        return result;
    }
    for (const auto& item : *value)
        result.push_back(scalar_at(item, path_of(key) + "[" + std::to_string(result.size()) + "]"));
    return result;
}

std::map<std::string, std::string> Fields::text_map(std::string_view key) {
    std::map<std::string, std::string> result;
    const json* value = find(key);
    if (!value) return result;
    if (!value->is_object()) {
        problem(key, "must be a mapping, not " + shown(*value));
        return result;
    }
    for (const auto& [name, item] : value->items())
        result[name] = item.is_null() ? "" : scalar_at(item, path_of(key) + "." + name);
    return result;
}

Fields Fields::child(std::string_view key) {
    const json* value = find(key);
    return {value ? *value : empty_object, path_of(key), problems_};
}

std::vector<Fields> Fields::children(std::string_view key) {
    std::vector<Fields> result;
    const json* value = find(key);
    if (!value) return result;
    if (!value->is_array()) {
        problem(key, "must be a list, not " + shown(*value));
        return result;
    }
    for (const auto& item : *value)
        result.emplace_back(item, path_of(key) + "[" + std::to_string(result.size()) + "]",
                            problems_);
    return result;
}

void Fields::only(std::initializer_list<std::string_view> known) {
    std::vector<std::string> names(known.begin(), known.end());
    for (const auto& [key, value] : object_.items()) {
        if (std::find(names.begin(), names.end(), key) != names.end()) continue;
        if (auto near = nearest(key, names))
            problem(key, "unknown key", "did you mean '" + *near + "'?");
        else
            problems_.warn(path_of(key), "unknown key, ignored");
    }
}

}  // namespace osiekit::server
