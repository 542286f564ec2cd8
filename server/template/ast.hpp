#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace osiekit::server::tmpl {

struct Pipeline;

// One operand: a literal, dot, a variable, a function name or a parenthesised pipeline, followed by
// field names (".a.b").
struct Operand {
    enum class Kind { literal, dot, variable, function, pipeline };
    Kind kind = Kind::literal;
    int line = 0;
    nlohmann::json literal;
    std::string name;  // of a variable (with '$') or a function
    std::shared_ptr<const Pipeline> pipeline;
    std::vector<std::string> fields;
};

// A function with arguments, or a single value.
struct Command {
    std::vector<Operand> operands;
};

struct Pipeline {
    int line = 0;
    std::vector<std::string> variables;  // set by it
    bool declares = false;               // ":=", not "="
    std::vector<Command> commands;
};

struct Node {
    enum class Kind { text, output, if_else, range, with, call, stop, next };
    Kind kind = Kind::text;
    int line = 0;
    std::string text;   // text; name of the template called
    Pipeline pipeline;  // no commands: none given
    std::vector<Node> body;
    std::vector<Node> otherwise;
};

struct Program {
    std::vector<Node> body;
    std::map<std::string, std::vector<Node>> defined;
};

}  // namespace osiekit::server::tmpl
