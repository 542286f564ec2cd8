#include "server/template/evaluator.hpp"

#include "lib/base/text.hpp"
#include "server/template/functions.hpp"
#include "server/template/template.hpp"

namespace osiekit::server::tmpl {
namespace {

using nlohmann::json;

constexpr std::size_t names_shown = 12;

Error at_line(int line, Error error) {
    Error placed(error.kind(), "line " + std::to_string(line) + ": " + error.message());
    return std::move(placed).hint(error.hint());
}

Error missing(int line, const std::string& path, const std::string& name, const json& map) {
    std::vector<std::string> names;
    for (const auto& [key, value] : map.items()) names.push_back(key);
    Error error(ErrorKind::invalid_input, "line " + std::to_string(line) + ": " + path +
                                              ": there is no value '" + name + "'");
    if (names.empty()) return error;
    if (auto near = nearest(name, names))
        return std::move(error).hint("did you mean '" + *near + "'?");
    std::size_t rest = names.size() > names_shown ? names.size() - names_shown : 0;
    names.resize(names.size() - rest);
    return std::move(error).hint("there are: " + join(names, ", ") + (rest > 0 ? ", …" : ""));
}

// Is `key` (ssh_keys, allowPXE) what Go's structures call `name` (SSHKeys, AllowPXE)?
bool same_field(std::string_view key, std::string_view name) {
    std::string plain(key);
    std::erase(plain, '_');
    return equal_ignoring_case(plain, name);
}

// The member called `name`. Below the root, names with a capital also find the record's spelling of
// them, as Tinkerbell's .Hardware has the field names of its Go structures.
json::const_iterator find_member(const json& map, const std::string& name, bool is_root) {
    auto it = map.find(name);
    if (it != map.end() || is_root || name[0] < 'A' || name[0] > 'Z') return it;
    for (it = map.begin(); it != map.end(); ++it)
        if (same_field(it.key(), name)) return it;
    return map.end();
}

// The operand as it stands in the template, for messages.
std::string spelled(const Operand& operand, std::size_t fields) {
    std::string text;
    if (operand.kind == Operand::Kind::variable) text = operand.name;
    if (operand.kind == Operand::Kind::pipeline) text = "(…)";
    for (std::size_t i = 0; i < fields; ++i) text += "." + operand.fields[i];
    return text.empty() ? "." : text;
}

class Evaluator {
  public:
    explicit Evaluator(const Program& program) : program_(program) {}

    Result<std::string> run(const json& data) {
        // The caller's data outlives the evaluation: borrowed, not copied.
        root_ = &data;
        Value root(Value(), root_);
        variables_ = {{"$", root}};
        OSIEKIT_ASSIGN(Flow flow, nodes(program_.body, root));
        (void)flow;
        return std::move(out_);
    }

  private:
    enum class Flow { on, stop, next };
    using Variables = std::vector<std::pair<std::string, Value>>;

    // Counts work; the limit ends templates that would run for ever.
    Status spend(std::size_t units, int line) {
        work_ += units;
        if (work_ <= max_template_work) return {};
        return Error(ErrorKind::limit,
                     "line " + std::to_string(line) + ": the template does too much work");
    }

    Status write(const std::string& text, int line) {
        if (out_.size() + text.size() > max_rendered_bytes)
            return Error(ErrorKind::limit, "line " + std::to_string(line) +
                                               ": the rendered text would be larger than " +
                                               human_size(max_rendered_bytes));
        out_ += text;
        return spend(1 + text.size(), line);
    }

    Result<Flow> nodes(const std::vector<Node>& list, const Value& dot) {
        std::size_t scope = variables_.size();
        for (const auto& node : list) {
            OSIEKIT_ASSIGN(Flow flow, one(node, dot));
            if (flow == Flow::on) continue;
            variables_.resize(scope);
            return flow;
        }
        variables_.resize(scope);
        return Flow::on;
    }

    Result<Flow> one(const Node& node, const Value& dot) {
        switch (node.kind) {
            case Node::Kind::text:
                OSIEKIT_TRY(write(node.text, node.line));
                return Flow::on;
            case Node::Kind::output: {
                OSIEKIT_ASSIGN(Value value, pipeline(node.pipeline, dot));
                if (!node.pipeline.variables.empty()) return Flow::on;
                OSIEKIT_TRY(write(to_text(*value), node.line));
                return Flow::on;
            }
            case Node::Kind::if_else:
            case Node::Kind::with:
                return branch(node, dot);
            case Node::Kind::range:
                return range(node, dot);
            case Node::Kind::call:
                return call_template(node, dot);
            case Node::Kind::stop:
                return Flow::stop;
            case Node::Kind::next:
                return Flow::next;
        }
        return Flow::on;
    }

    Result<Flow> branch(const Node& node, const Value& dot) {
        std::size_t scope = variables_.size();
        OSIEKIT_ASSIGN(Value value, pipeline(node.pipeline, dot));
        bool truth = is_true(*value);
        const Value& inner = truth && node.kind == Node::Kind::with ? value : dot;
        OSIEKIT_ASSIGN(Flow flow, nodes(truth ? node.body : node.otherwise, inner));
        variables_.resize(scope);
        return flow;
    }

    Result<Flow> range(const Node& node, const Value& dot) {
        Pipeline source = {node.pipeline.line, {}, false, node.pipeline.commands};
        OSIEKIT_ASSIGN(Value value, pipeline(source, dot));
        OSIEKIT_ASSIGN(auto items, items_of(value, node.line));
        if (items.empty()) return nodes(node.otherwise, dot);
        std::size_t scope = variables_.size();
        for (auto& [key, item] : items) {
            OSIEKIT_TRY(spend(1, node.line));
            OSIEKIT_TRY(bind_loop(node.pipeline, key, item));
            OSIEKIT_ASSIGN(Flow flow, nodes(node.body, item));
            variables_.resize(scope);
            if (flow == Flow::stop) break;
        }
        return Flow::on;
    }

    Result<std::vector<std::pair<json, Value>>> items_of(const Value& value, int line) {
        std::vector<std::pair<json, Value>> items;
        if (value->is_object()) {
            for (const auto& [key, item] : value->items())
                items.emplace_back(key, Value(value, &item));
        } else if (value->is_array()) {
            for (const auto& item : *value) items.emplace_back(items.size(), Value(value, &item));
        } else if (value->is_number_integer()) {
            auto count = value->get<std::int64_t>();
            if (count > max_function_list)
                return Error(ErrorKind::limit,
                             "line " + std::to_string(line) + ": range over too large a number");
            for (std::int64_t i = 0; i < count; ++i) items.emplace_back(i, make_value(i));
        } else if (!value->is_null()) {
            return syntax(line, "range cannot go over a " + kind_name(*value));
        }
        OSIEKIT_TRY(spend(items.size(), line));
        return items;
    }

    Status bind_loop(const Pipeline& pipeline, const json& key, const Value& item) {
        const auto& names = pipeline.variables;
        if (names.empty()) return {};
        auto set = [&](const std::string& name, Value value) -> Status {
            if (!pipeline.declares) return assign(name, std::move(value), pipeline.line);
            variables_.emplace_back(name, std::move(value));
            return {};
        };
        if (names.size() == 2) OSIEKIT_TRY(set(names[0], make_value(key)));
        return set(names.back(), item);
    }

    Result<Flow> call_template(const Node& node, const Value& dot) {
        auto it = program_.defined.find(node.text);
        if (it == program_.defined.end())
            return syntax(node.line,
                          "the template \"" + printable(node.text, 40) + "\" is not defined");
        if (++depth_ > max_template_depth)
            return Error(ErrorKind::limit, "line " + std::to_string(node.line) +
                                               ": templates call each other too deep");
        Value inner = make_value(nullptr);
        if (!node.pipeline.commands.empty()) {
            OSIEKIT_ASSIGN(inner, pipeline(node.pipeline, dot));
        }
        Variables outer = std::exchange(variables_, Variables{{"$", inner}});
        OSIEKIT_ASSIGN(Flow flow, nodes(it->second, inner));
        (void)flow;
        variables_ = std::move(outer);
        --depth_;
        return Flow::on;
    }

    static Error syntax(int line, const std::string& what) {
        return {ErrorKind::invalid_input, "line " + std::to_string(line) + ": " + what};
    }

    Status assign(const std::string& name, Value value, int line) {
        for (auto it = variables_.rbegin(); it != variables_.rend(); ++it) {
            if (it->first != name) continue;
            it->second = std::move(value);
            return {};
        }
        return syntax(line, "the variable " + name + " is not declared here");
    }

    Result<Value> pipeline(const Pipeline& pipeline, const Value& dot) {
        Value value;
        for (const auto& command : pipeline.commands) {
            OSIEKIT_ASSIGN(value, run_command(command, dot, value));
        }
        for (const auto& name : pipeline.variables) {
            if (pipeline.declares)
                variables_.emplace_back(name, value);
            else
                OSIEKIT_TRY(assign(name, value, pipeline.line));
        }
        return value;
    }

    // `piped` is the value from the left of '|', or empty.
    Result<Value> run_command(const Command& command, const Value& dot, const Value& piped) {
        const Operand& first = command.operands.front();
        if (first.kind != Operand::Kind::function) return operand(first, dot);
        if (first.name == "and" || first.name == "or")
            return early_stop(command, dot, piped, first.name == "or");
        std::vector<Value> values;
        for (std::size_t i = 1; i < command.operands.size(); ++i) {
            OSIEKIT_ASSIGN(Value value, operand(command.operands[i], dot));
            values.push_back(std::move(value));
        }
        if (piped) values.push_back(piped);
        OSIEKIT_ASSIGN(Value result, call(first, values));
        return fields(first, std::move(result));
    }

    Result<Value> call(const Operand& name, const std::vector<Value>& values) {
        const Function* function = find_function(name.name);
        if (!function) return syntax(name.line, "the function '" + name.name + "' is not known");
        if (values.size() < function->least || values.size() > function->most)
            return syntax(name.line, name.name + " takes " + counted(*function) + ", not " +
                                         std::to_string(values.size()));
        std::size_t cost = 1;
        for (const auto& value : values) cost += weight(*value);
        OSIEKIT_TRY(spend(cost, name.line));
        auto result = function->call(Arguments(values));
        if (!result) {
            Error error = std::move(result).error();
            return at_line(
                name.line,
                Error(error.kind(), name.name + ": " + error.message()).hint(error.hint()));
        }
        OSIEKIT_TRY(spend(weight(*result), name.line));
        return make_value(std::move(*result));
    }

    static std::string counted(const Function& function) {
        std::string least = std::to_string(function.least);
        if (function.least == function.most) return least + (least == "1" ? " value" : " values");
        if (function.most == any_number) return "at least " + least;
        return least + " to " + std::to_string(function.most) + " values";
    }

    // and, or: the first value that decides, the rest is not evaluated.
    Result<Value> early_stop(const Command& command, const Value& dot, const Value& piped,
                             bool stop_at) {
        Value value = piped;
        bool decided = false;
        for (std::size_t i = 1; i < command.operands.size() && !decided; ++i) {
            OSIEKIT_ASSIGN(value, operand(command.operands[i], dot));
            decided = is_true(*value) == stop_at;
        }
        if (piped && !decided) value = piped;
        if (value) return value;
        return syntax(command.operands[0].line, command.operands[0].name + " needs a value");
    }

    Result<Value> operand(const Operand& operand, const Value& dot) {
        OSIEKIT_TRY(spend(1, operand.line));
        switch (operand.kind) {
            case Operand::Kind::literal:
                return fields(operand, make_value(operand.literal));
            case Operand::Kind::dot:
                return fields(operand, dot);
            case Operand::Kind::variable:
                for (auto it = variables_.rbegin(); it != variables_.rend(); ++it)
                    if (it->first == operand.name) return fields(operand, it->second);
                return syntax(operand.line, "the variable " + operand.name + " has no value here");
            case Operand::Kind::function:
                return call_bare(operand, dot);
            case Operand::Kind::pipeline: {
                std::size_t scope = variables_.size();
                OSIEKIT_ASSIGN(Value value, pipeline(*operand.pipeline, dot));
                variables_.resize(scope);
                return fields(operand, std::move(value));
            }
        }
        return make_value(nullptr);
    }

    // A function name as an argument: called without arguments.
    Result<Value> call_bare(const Operand& operand, const Value& dot) {
        Command command;
        command.operands.push_back(operand);
        return run_command(command, dot, nullptr);
    }

    Result<Value> fields(const Operand& operand, Value value) {
        for (std::size_t i = 0; i < operand.fields.size(); ++i) {
            const std::string& name = operand.fields[i];
            std::string path = spelled(operand, i + 1);
            if (!value->is_object())
                return syntax(operand.line, path + ": " + spelled(operand, i) + " is a " +
                                                kind_name(*value) + " and has no '" + name + "'");
            auto it = find_member(*value, name, value.get() == root_);
            if (it == value->end()) return missing(operand.line, path, name, *value);
            value = Value(value, &*it);
        }
        return value;
    }

    const Program& program_;
    const json* root_ = nullptr;
    Variables variables_;
    std::string out_;
    std::size_t work_ = 0;
    int depth_ = 0;
};

}  // namespace

Result<std::string> evaluate(const Program& program, const json& data) {
    return Evaluator(program).run(data);
}

}  // namespace osiekit::server::tmpl
