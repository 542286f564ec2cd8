#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace osiekit::server::tmpl {

// Values are shared and never changed, so that a field of a large record costs no copy.
using Value = std::shared_ptr<const nlohmann::json>;

Value make_value(nlohmann::json value);

bool is_true(const nlohmann::json& value);         // Go's truth: non-zero, non-empty
std::string to_text(const nlohmann::json& value);  // as {{ . }} prints it: "a", 1, [a b], map[k:v]
std::string kind_name(const nlohmann::json& value);  // "string", "int", "list", "map", …
std::size_t weight(const nlohmann::json& value);     // bytes and values in it, for the work limit

}  // namespace osiekit::server::tmpl
