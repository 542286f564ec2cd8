#include "server/template/parser.hpp"

#include <charconv>

#include "lib/base/text.hpp"
#include "server/template/functions.hpp"
#include "server/template/template.hpp"

namespace osiekit::server::tmpl {
namespace {

using nlohmann::json;
using Kind = Token::Kind;

Result<json> parse_number(const Token& token) {
    std::string text = token.value;
    std::erase(text, '_');
    std::string_view digits = text;
    bool negative = digits.starts_with('-');
    if (negative || digits.starts_with('+')) digits.remove_prefix(1);
    int base = 10;
    for (auto [prefix, value] : {std::pair{"0x", 16}, {"0X", 16}, {"0o", 8}, {"0b", 2}})
        if (digits.starts_with(prefix)) {
            digits.remove_prefix(2);
            base = value;
        }
    const char* end = digits.data() + digits.size();
    std::int64_t whole = 0;
    if (auto [at, error] = std::from_chars(digits.data(), end, whole, base);
        error == std::errc() && at == end)
        return json(negative ? -whole : whole);
    double real = 0;
    if (auto [at, error] = std::from_chars(digits.data(), end, real);
        base == 10 && error == std::errc() && at == end)
        return json(negative ? -real : real);
    return syntax_error(token.line, "not a number: " + printable(token.value));
}

class Parser {
  public:
    explicit Parser(const std::vector<Token>& tokens) : tokens_(tokens) {}

    Result<Program> run() {
        variables_ = {"$"};
        OSIEKIT_ASSIGN(program_.body, list());
        if (!stopped_by_.empty())
            return syntax_error(stop_line_, "{{" + stopped_by_ + "}} has no beginning");
        return std::move(program_);
    }

  private:
    const Token& look() const { return tokens_[std::min(at_, tokens_.size() - 1)]; }
    const Token& take() {
        const Token& token = look();
        ++at_;
        return token;
    }
    bool is_symbol(std::string_view value) const {
        return look().kind == Kind::symbol && look().value == value;
    }
    Error unexpected() const {
        const Token& token = look();
        if (token.kind == Kind::close)
            return syntax_error(token.line, "a value is missing before '}}'");
        std::string shown = token.kind == Kind::field ? "." + token.value : token.value;
        return syntax_error(token.line, "unexpected '" + printable(shown, 40) + "'");
    }
    Status close() {
        if (look().kind != Kind::close) return unexpected();
        take();
        return {};
    }

    // Nodes up to {{end}}, {{else…}} or the end of the text; stopped_by_ says which.
    Result<std::vector<Node>> list() {
        if (++depth_ > max_template_depth)
            return Error(ErrorKind::limit, "line " + std::to_string(look().line) +
                                               ": nested deeper than " +
                                               std::to_string(max_template_depth));
        std::vector<Node> nodes;
        stopped_by_.clear();
        while (look().kind != Kind::end) {
            if (look().kind == Kind::text) {
                const Token& token = take();
                nodes.push_back({Node::Kind::text, token.line, token.value, {}, {}, {}});
                continue;
            }
            take();  // {{
            const Token& first = look();
            if (first.kind == Kind::identifier && (first.value == "end" || first.value == "else")) {
                stopped_by_ = first.value;
                stop_line_ = first.line;
                take();
                break;
            }
            OSIEKIT_TRY(action(nodes));
        }
        --depth_;
        return nodes;
    }

    Status action(std::vector<Node>& nodes) {
        const Token& first = look();
        if (first.kind == Kind::close) return unexpected();
        if (first.kind == Kind::identifier) {
            if (first.value == "if") return control(nodes, Node::Kind::if_else);
            if (first.value == "range") return control(nodes, Node::Kind::range);
            if (first.value == "with") return control(nodes, Node::Kind::with);
            if (first.value == "define") return define();
            if (first.value == "template" || first.value == "block") return call(nodes);
            if (first.value == "break" || first.value == "continue") return jump(nodes);
        }
        Node node{Node::Kind::output, first.line, {}, {}, {}, {}};
        OSIEKIT_ASSIGN(node.pipeline, pipeline());
        OSIEKIT_TRY(close());
        nodes.push_back(std::move(node));
        return {};
    }

    Status jump(std::vector<Node>& nodes) {
        const Token& word = take();
        if (loops_ == 0) return syntax_error(word.line, word.value + " outside of range");
        auto kind = word.value == "break" ? Node::Kind::stop : Node::Kind::next;
        nodes.push_back({kind, word.line, {}, {}, {}, {}});
        return close();
    }

    Status control(std::vector<Node>& nodes, Node::Kind kind) {
        const Token& word = take();
        Node node{kind, word.line, {}, {}, {}, {}};
        std::size_t scope = variables_.size();
        OSIEKIT_ASSIGN(node.pipeline, pipeline(kind == Node::Kind::range));
        OSIEKIT_TRY(close());
        loops_ += kind == Node::Kind::range ? 1 : 0;
        OSIEKIT_ASSIGN(node.body, list());
        loops_ -= kind == Node::Kind::range ? 1 : 0;
        variables_.resize(scope + (node.pipeline.declares ? node.pipeline.variables.size() : 0));
        if (stopped_by_ == "else") {
            if (look().kind == Kind::identifier &&
                (look().value == "if" || look().value == "with")) {
                if (++depth_ > max_template_depth)
                    return Error(ErrorKind::limit,
                                 "line " + std::to_string(look().line) + ": too many {{else if}}");
                auto chained = look().value == "if" ? Node::Kind::if_else : Node::Kind::with;
                OSIEKIT_TRY(control(node.otherwise, chained));
                --depth_;
                variables_.resize(scope);
                nodes.push_back(std::move(node));
                return {};
            }
            OSIEKIT_TRY(close());
            OSIEKIT_ASSIGN(node.otherwise, list());
            if (stopped_by_ == "else") return syntax_error(stop_line_, "a second {{else}}");
        }
        OSIEKIT_TRY(finish(word.line, word.value));
        variables_.resize(scope);
        nodes.push_back(std::move(node));
        return {};
    }

    // Behind a body: {{end}} must have been seen.
    Status finish(int opened, const std::string& word) {
        if (stopped_by_ != "end") return syntax_error(opened, "{{" + word + "}} has no {{end}}");
        stopped_by_.clear();
        return close();
    }

    Result<std::string> template_name() {
        if (look().kind != Kind::string) return unexpected();
        return take().value;
    }

    Status define() {
        const Token& word = take();
        if (depth_ > 1) return syntax_error(word.line, "{{define}} inside of another action");
        OSIEKIT_ASSIGN(std::string name, template_name());
        OSIEKIT_TRY(close());
        return body_of(name, word);
    }

    Status body_of(const std::string& name, const Token& word) {
        std::vector<std::string> outer = std::exchange(variables_, {"$"});
        int loops = std::exchange(loops_, 0);
        OSIEKIT_ASSIGN(program_.defined[name], list());
        variables_ = std::move(outer);
        loops_ = loops;
        return finish(word.line, word.value);
    }

    // {{template "name" pipeline}} and {{block "name" pipeline}} … {{end}}.
    Status call(std::vector<Node>& nodes) {
        const Token& word = take();
        Node node{Node::Kind::call, word.line, {}, {}, {}, {}};
        OSIEKIT_ASSIGN(node.text, template_name());
        if (look().kind != Kind::close) {
            OSIEKIT_ASSIGN(node.pipeline, pipeline());
        }
        OSIEKIT_TRY(close());
        std::string name = node.text;
        nodes.push_back(std::move(node));
        if (word.value == "block") return body_of(name, word);
        return {};
    }

    Result<Pipeline> pipeline(bool in_range = false) {
        Pipeline result;
        result.line = look().line;
        OSIEKIT_TRY(assignment(result, in_range));
        while (true) {
            OSIEKIT_ASSIGN(Command command, this->command());
            if (!result.commands.empty() && command.operands[0].kind != Operand::Kind::function)
                return syntax_error(result.line, "only a function can follow '|'");
            result.commands.push_back(std::move(command));
            if (!is_symbol("|")) break;
            take();
        }
        if (result.declares)
            variables_.insert(variables_.end(), result.variables.begin(), result.variables.end());
        return result;
    }

    // "$a :=", "$a =", and in range "$i, $e :=".
    Status assignment(Pipeline& result, bool in_range) {
        if (look().kind != Kind::variable) return {};
        std::size_t start = at_;
        std::vector<std::string> names = {take().value};
        if (in_range && is_symbol(",")) {
            take();
            if (look().kind != Kind::variable) return unexpected();
            names.push_back(take().value);
        }
        if (!is_symbol(":=") && !is_symbol("=")) {
            at_ = start;
            return {};
        }
        result.declares = take().value == ":=";
        for (const auto& name : names)
            if (!result.declares) OSIEKIT_TRY(known_variable(name, result.line));
        result.variables = std::move(names);
        return {};
    }

    Status known_variable(const std::string& name, int line) const {
        for (const auto& known : variables_)
            if (known == name) return {};
        Error error = syntax_error(line, "the variable " + name + " is not declared");
        if (auto near = nearest(name, variables_))
            return std::move(error).hint("did you mean " + *near + "?");
        return error;
    }

    Result<Command> command() {
        Command result;
        while (true) {
            OSIEKIT_ASSIGN(Operand operand, this->operand());
            result.operands.push_back(std::move(operand));
            if (look().kind == Kind::close || is_symbol("|") || is_symbol(")")) break;
            if (!look().spaced && !is_symbol("(")) return unexpected();
        }
        if (result.operands.size() > 1 && result.operands[0].kind != Operand::Kind::function)
            return syntax_error(result.operands[0].line, "only a function can take arguments");
        return result;
    }

    Result<Operand> operand() {
        const Token& token = look();
        Operand operand;
        operand.line = token.line;
        switch (token.kind) {
            case Kind::string:
                operand.literal = token.value;
                break;
            case Kind::character:
                operand.literal = std::stoll(token.value);
                break;
            case Kind::number: {
                OSIEKIT_ASSIGN(operand.literal, parse_number(token));
                break;
            }
            case Kind::dot:
                operand.kind = Operand::Kind::dot;
                break;
            case Kind::field:
                operand.kind = Operand::Kind::dot;
                operand.fields.push_back(token.value);
                break;
            case Kind::variable:
                OSIEKIT_TRY(known_variable(token.value, token.line));
                operand.kind = Operand::Kind::variable;
                operand.name = token.value;
                break;
            case Kind::identifier:
                OSIEKIT_TRY(word(token, operand));
                break;
            default:
                if (!is_symbol("(")) return unexpected();
                take();
                OSIEKIT_TRY(parenthesis(operand));
        }
        take();
        while (look().kind == Kind::field && !look().spaced) operand.fields.push_back(take().value);
        return operand;
    }

    Status word(const Token& token, Operand& operand) {
        if (token.value == "true" || token.value == "false") {
            operand.literal = token.value == "true";
        } else if (token.value != "nil") {
            operand.kind = Operand::Kind::function;
            operand.name = token.value;
            return check_function(token.value, token.line);
        }
        return {};
    }

    Status parenthesis(Operand& operand) {
        if (++depth_ > max_template_depth)
            return Error(ErrorKind::limit,
                         "line " + std::to_string(operand.line) + ": parentheses nested too deep");
        operand.kind = Operand::Kind::pipeline;
        OSIEKIT_ASSIGN(Pipeline inner, pipeline());
        operand.pipeline = std::make_shared<const Pipeline>(std::move(inner));
        if (!is_symbol(")")) return syntax_error(operand.line, "'(' has no ')'");
        --depth_;
        return {};
    }

    const std::vector<Token>& tokens_;
    std::size_t at_ = 0;
    int depth_ = 0;
    int loops_ = 0;
    std::vector<std::string> variables_;
    std::string stopped_by_;
    int stop_line_ = 0;
    Program program_;
};

}  // namespace

Result<Program> parse_program(const std::vector<Token>& tokens) {
    return Parser(tokens).run();
}

}  // namespace osiekit::server::tmpl
