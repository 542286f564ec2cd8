#pragma once

#include <string>

#include "lib/base/result.hpp"
#include "server/template/ast.hpp"
#include "server/template/value.hpp"

namespace osiekit::server::tmpl {

// Runs a program over the data. Errors name the line and, for a missing value, its path.
Result<std::string> evaluate(const Program& program, const nlohmann::json& data);

}  // namespace osiekit::server::tmpl
