#pragma once

#include "server/template/ast.hpp"
#include "server/template/lexer.hpp"

namespace osiekit::server::tmpl {

// Tokens to a program. Checks what Go checks at parse time: structure, function names, and that
// variables are declared. Errors: "line N: …".
Result<Program> parse_program(const std::vector<Token>& tokens);

}  // namespace osiekit::server::tmpl
