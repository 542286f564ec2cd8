#include <algorithm>

#include "server/template/functions.hpp"

namespace osiekit::server::tmpl {
namespace {

using nlohmann::json;
using Answer = Result<json>;

// A function of one list.
template <typename F>
Function of_list(F function) {
    return {1, 1, [function](const Arguments& a) -> Answer {
                OSIEKIT_ASSIGN(const json* list, a.list(0));
                return function(*list);
            }};
}

json part(const json& list, std::size_t from, std::size_t to) {
    json out = json::array();
    for (std::size_t i = from; i < to; ++i) out.push_back(list[i]);
    return out;
}

Answer index_one(const json& value, const Arguments& a, std::size_t key) {
    if (value.is_object()) {
        OSIEKIT_ASSIGN(std::string name, a.text(key));
        auto it = value.find(name);
        return it == value.end() ? json(nullptr) : *it;
    }
    if (!value.is_array() && !value.is_string())
        return bad_argument("a " + kind_name(value) + " cannot be indexed");
    OSIEKIT_ASSIGN(auto at, a.integer(key));
    std::size_t size = value.is_array() ? value.size() : value.get_ref<const std::string&>().size();
    if (at < 0 || static_cast<std::uint64_t>(at) >= size)
        return bad_argument("index " + std::to_string(at) + " is outside of the " +
                            std::to_string(size) + " there are");
    auto place = static_cast<std::size_t>(at);
    if (value.is_array()) return value[place];
    return json(static_cast<unsigned char>(value.get_ref<const std::string&>()[place]));
}

Answer index(const Arguments& a) {
    json value = a.at(0);
    for (std::size_t i = 1; i < a.size(); ++i) {
        OSIEKIT_ASSIGN(json next, index_one(value, a, i));
        value = std::move(next);
    }
    return value;
}

Answer slice(const Arguments& a) {
    const json& value = a.at(0);
    if (!value.is_array() && !value.is_string())
        return bad_argument("a " + kind_name(value) + " cannot be sliced");
    std::size_t size = value.is_array() ? value.size() : value.get_ref<const std::string&>().size();
    std::int64_t from = 0;
    auto to = static_cast<std::int64_t>(size);
    if (a.size() > 1) {
        OSIEKIT_ASSIGN(from, a.integer(1));
    }
    if (a.size() > 2) {
        OSIEKIT_ASSIGN(to, a.integer(2));
    }
    if (from < 0 || to < from || static_cast<std::uint64_t>(to) > size)
        return bad_argument("the range is outside of the " + std::to_string(size) + " there are");
    auto start = static_cast<std::size_t>(from);
    auto count = static_cast<std::size_t>(to - from);
    if (value.is_array()) return part(value, start, start + count);
    return json(value.get_ref<const std::string&>().substr(start, count));
}

Answer length(const Arguments& a) {
    const json& value = a.at(0);
    if (value.is_string()) return json(value.get_ref<const std::string&>().size());
    if (value.is_structured()) return json(value.size());
    return bad_argument("a " + kind_name(value) + " has no length");
}

Answer list_of(const Arguments& a) {
    json out = json::array();
    for (std::size_t i = 0; i < a.size(); ++i) out.push_back(a.at(i));
    return out;
}

Answer append(const Arguments& a) {
    OSIEKIT_ASSIGN(const json* list, a.list(0));
    json out = *list;
    out.push_back(a.at(1));
    return out;
}

Answer prepend(const Arguments& a) {
    OSIEKIT_ASSIGN(const json* list, a.list(0));
    json out = json::array();
    out.push_back(a.at(1));
    for (const auto& item : *list) out.push_back(item);
    return out;
}

Answer concat(const Arguments& a) {
    json out = json::array();
    for (std::size_t i = 0; i < a.size(); ++i) {
        OSIEKIT_ASSIGN(const json* list, a.list(i));
        for (const auto& item : *list) out.push_back(item);
    }
    return out;
}

bool contains(const json& list, const json& item) {
    return std::find(list.begin(), list.end(), item) != list.end();
}

json unique(const json& list) {
    json out = json::array();
    for (const auto& item : list)
        if (!contains(out, item)) out.push_back(item);
    return out;
}

Answer without(const Arguments& a) {
    OSIEKIT_ASSIGN(const json* list, a.list(0));
    json out = json::array();
    for (const auto& item : *list) {
        bool drop = false;
        for (std::size_t i = 1; i < a.size(); ++i) drop = drop || item == a.at(i);
        if (!drop) out.push_back(item);
    }
    return out;
}

Answer until_step(std::int64_t from, std::int64_t to, std::int64_t step) {
    json out = json::array();
    if (step == 0 || (step > 0) != (to > from)) return out;
    for (std::int64_t i = from; step > 0 ? i < to : i > to; i += step) {
        if (static_cast<std::int64_t>(out.size()) >= max_function_list)
            return Error(ErrorKind::limit, "the list would be too long");
        out.push_back(i);
    }
    return out;
}

Answer until_step_function(const Arguments& a) {
    OSIEKIT_ASSIGN(auto from, a.integer(0));
    OSIEKIT_ASSIGN(auto to, a.integer(1));
    OSIEKIT_ASSIGN(auto step, a.integer(2));
    constexpr std::int64_t far = INT64_MAX / 4;
    if (std::max({from, to, step}) > far || std::min({from, to, step}) < -far)
        return Error(ErrorKind::limit, "the numbers are too large");
    return until_step(from, to, step);
}

Answer dict(const Arguments& a) {
    json out = json::object();
    for (std::size_t i = 0; i < a.size(); i += 2)
        out[a.any_text(i)] = i + 1 < a.size() ? a.at(i + 1) : json("");
    return out;
}

Answer get(const Arguments& a) {
    OSIEKIT_ASSIGN(const json* map, a.map(0));
    OSIEKIT_ASSIGN(std::string key, a.text(1));
    auto it = map->find(key);
    return it == map->end() ? json("") : *it;
}

Answer keys(const Arguments& a) {
    json out = json::array();
    for (std::size_t i = 0; i < a.size(); ++i) {
        OSIEKIT_ASSIGN(const json* map, a.map(i));
        for (const auto& [key, value] : map->items()) out.push_back(key);
    }
    return out;
}

Answer values(const Arguments& a) {
    OSIEKIT_ASSIGN(const json* map, a.map(0));
    json out = json::array();
    for (const auto& value : *map) out.push_back(value);
    return out;
}

Answer pluck(const Arguments& a) {
    OSIEKIT_ASSIGN(std::string key, a.text(0));
    json out = json::array();
    for (std::size_t i = 1; i < a.size(); ++i) {
        OSIEKIT_ASSIGN(const json* map, a.map(i));
        if (map->contains(key)) out.push_back((*map)[key]);
    }
    return out;
}

// dig "a" "b" default map
Answer dig(const Arguments& a) {
    OSIEKIT_ASSIGN(const json* at, a.map(a.size() - 1));
    for (std::size_t i = 0; i + 2 < a.size(); ++i) {
        OSIEKIT_ASSIGN(std::string key, a.text(i));
        auto it = at->is_object() ? at->find(key) : at->end();
        if (!at->is_object() || it == at->end()) return a.at(a.size() - 2);
        at = &*it;
    }
    return *at;
}

// The first map wins; nested maps are merged too.
void merge_missing(json& into, const json& from) {
    for (const auto& [key, value] : from.items()) {
        if (!into.contains(key))
            into[key] = value;
        else if (into[key].is_object() && value.is_object())
            merge_missing(into[key], value);
    }
}

Answer merge(const Arguments& a) {
    json out = json::object();
    for (std::size_t i = 0; i < a.size(); ++i) {
        OSIEKIT_ASSIGN(const json* map, a.map(i));
        merge_missing(out, *map);
    }
    return out;
}

Answer choose(const Arguments& a, bool keep) {
    OSIEKIT_ASSIGN(const json* map, a.map(0));
    json out = keep ? json::object() : *map;
    for (std::size_t i = 1; i < a.size(); ++i) {
        OSIEKIT_ASSIGN(std::string key, a.text(i));
        if (!keep)
            out.erase(key);
        else if (map->contains(key))
            out[key] = (*map)[key];
    }
    return out;
}

void add_lists(FunctionTable& table) {
    table["list"] = {0, any_number, list_of};
    table["append"] = table["push"] = {2, 2, append};
    table["prepend"] = {2, 2, prepend};
    table["concat"] = {0, any_number, concat};
    table["without"] = {1, any_number, without};
    table["first"] = of_list([](const json& l) { return l.empty() ? json(nullptr) : l.front(); });
    table["last"] = of_list([](const json& l) { return l.empty() ? json(nullptr) : l.back(); });
    table["rest"] = of_list(
        [](const json& l) { return part(l, std::min<std::size_t>(1, l.size()), l.size()); });
    table["initial"] =
        of_list([](const json& l) { return part(l, 0, l.empty() ? 0 : l.size() - 1); });
    table["uniq"] = of_list(unique);
    table["reverse"] = of_list([](json l) {
        std::reverse(l.begin(), l.end());
        return l;
    });
    table["compact"] = of_list([](json l) {
        json out = json::array();
        for (auto& item : l)
            if (is_true(item)) out.push_back(item);
        return out;
    });
    table["sortAlpha"] = of_list([](const json& l) {
        std::vector<std::string> texts;
        for (const auto& item : l) texts.push_back(to_text(item));
        std::sort(texts.begin(), texts.end());
        return json(texts);
    });
    table["has"] = {2, 2, [](const Arguments& a) -> Answer {
                        OSIEKIT_ASSIGN(const json* list, a.list(1));
                        return json(contains(*list, a.at(0)));
                    }};
    table["until"] = {1, 1, [](const Arguments& a) -> Answer {
                          OSIEKIT_ASSIGN(auto to, a.integer(0));
                          return until_step(0, to, to < 0 ? -1 : 1);
                      }};
    table["untilStep"] = {3, 3, until_step_function};
}

}  // namespace

void add_collection_functions(FunctionTable& table) {
    add_lists(table);
    table["index"] = {1, any_number, index};
    table["slice"] = {1, 3, slice};
    table["len"] = {1, 1, length};
    table["dict"] = {0, any_number, dict};
    table["get"] = {2, 2, get};
    table["hasKey"] = {2, 2, [](const Arguments& a) -> Answer {
                           OSIEKIT_ASSIGN(const json* map, a.map(0));
                           OSIEKIT_ASSIGN(std::string key, a.text(1));
                           return json(map->contains(key));
                       }};
    table["keys"] = {1, any_number, keys};
    table["values"] = {1, 1, values};
    table["pluck"] = {1, any_number, pluck};
    table["dig"] = {3, any_number, dig};
    table["merge"] = {1, any_number, merge};
    table["pick"] = {1, any_number, [](const Arguments& a) { return choose(a, true); }};
    table["omit"] = {1, any_number, [](const Arguments& a) { return choose(a, false); }};
}

}  // namespace osiekit::server::tmpl
