#include "builder/profile/variables.hpp"

#include <algorithm>

#include "builder/profile/checks.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

constexpr std::string_view opening = "${";

std::vector<std::string> names_of(const Variables& variables) {
    std::vector<std::string> names;
    for (const auto& [name, variable] : variables) names.push_back(name);
    return names;
}

Error with_names(Error error, const std::string& wanted, const Variables& variables) {
    if (auto near = nearest(wanted, names_of(variables)))
        return std::move(error).hint("did you mean \"" + *near + "\"?");
    if (variables.empty())
        return std::move(error).hint("declare it: variables: {" + printable(wanted) + ": VALUE}");
    return std::move(error).hint("there is: " + join(names_of(variables), ", "));
}

Status declare(const ProfileMember& member, Variables& variables) {
    const ProfileNode& value = member.value;
    if (!is_name(member.key, "_-", longest_variable_name))
        return value.bad("\"" + printable(member.key) + "\" is not the name of a variable")
            .hint("letters, digits and _-, at most " + std::to_string(longest_variable_name) +
                  ", first a letter or digit");
    Variable variable;
    variable.where = value.where();
    if (value.kind == ProfileNode::Kind::scalar) {
        if (value.scalar.find(opening) != std::string::npos)
            return value.bad("the variable \"" + member.key + "\" refers to another variable")
                .hint("a variable's value is plain text");
        if (value.scalar.size() > longest_variable)
            return Error(ErrorKind::limit, value.where() + ": a variable is at most " +
                                               std::to_string(longest_variable) + " bytes");
        variable.value = value.scalar;
    } else if (value.kind != ProfileNode::Kind::nothing) {
        return value.bad("the variable \"" + member.key + "\" must be a single value, but is " +
                         std::string(value.kind_name()));
    }
    variables.insert_or_assign(member.key, std::move(variable));
    if (variables.size() > most_variables)
        return Error(ErrorKind::limit, value.where() + ": more than " +
                                           std::to_string(most_variables) + " variables");
    return {};
}

Status apply(const std::string& setting, Variables& variables) {
    std::size_t equals = setting.find('=');
    if (equals == std::string::npos || equals == 0)
        return Error(ErrorKind::invalid_input,
                     "--set " + printable(setting) + ": not of the form NAME=VALUE");
    std::string name = setting.substr(0, equals);
    auto found = variables.find(name);
    if (found == variables.end())
        return with_names(Error(ErrorKind::invalid_input,
                                "--set: the profile has no variable \"" + printable(name) + "\""),
                          name, variables);
    if (setting.size() - equals - 1 > longest_variable)
        return Error(ErrorKind::limit, "--set " + printable(name) + ": a variable is at most " +
                                           std::to_string(longest_variable) + " bytes");
    found->second = {setting.substr(equals + 1), "--set"};
    return {};
}

Status expand_node(ProfileNode& node, const Variables& variables, bool in_file) {
    if (node.kind == ProfileNode::Kind::scalar) {
        OSIEKIT_ASSIGN(node.scalar, expand(node.scalar, variables, node.where()));
        return {};
    }
    for (ProfileNode& item : node.items) OSIEKIT_TRY(expand_node(item, variables, in_file));
    for (ProfileMember& member : node.members)
        if (!in_file || member.key != "content")
            OSIEKIT_TRY(expand_node(member.value, variables, in_file));
    return {};
}

}  // namespace

Result<Variables> collect_variables(const std::vector<ProfileNode>& documents,
                                    const std::vector<std::string>& settings) {
    Variables variables;
    for (const ProfileNode& document : documents) {
        const ProfileNode* stated = document.find("variables");
        if (stated == nullptr) continue;
        if (stated->kind != ProfileNode::Kind::mapping)
            return stated
                ->bad("\"variables\" must be a mapping, but is " + std::string(stated->kind_name()))
                .hint("name: default");
        for (const ProfileMember& member : stated->members) OSIEKIT_TRY(declare(member, variables));
    }
    for (const std::string& setting : settings) OSIEKIT_TRY(apply(setting, variables));
    return variables;
}

Result<std::string> expand(std::string_view text, const Variables& variables,
                           const std::string& where) {
    std::string result;
    std::size_t at = 0;
    while (at < text.size()) {
        std::size_t next = text.find(opening, at);
        if (next == std::string_view::npos) break;
        if (next > at && text[next - 1] == '$') {  // "$${"
            result += text.substr(at, next - at - 1);
            result += opening;
            at = next + opening.size();
            continue;
        }
        result += text.substr(at, next - at);
        std::size_t end = text.find('}', next);
        if (end == std::string_view::npos)
            return Error(ErrorKind::invalid_input, where + ": \"${\" without \"}\"")
                .hint("write $${ for the two characters themselves");
        std::string name(text.substr(next + 2, end - next - 2));
        auto found = variables.find(name);
        if (found == variables.end())
            return with_names(Error(ErrorKind::invalid_input,
                                    where + ": unknown variable \"" + printable(name) + "\""),
                              name, variables);
        if (!found->second.value)
            return Error(ErrorKind::invalid_input,
                         where + ": the variable \"" + name + "\" has no value")
                .hint("give one: --set " + name + "=VALUE (declared at " + found->second.where +
                      ")");
        result += *found->second.value;
        if (result.size() > largest_expansion) break;
        at = end + 1;
    }
    if (result.size() <= largest_expansion) result += text.substr(at);
    if (result.size() > largest_expansion)
        return Error(ErrorKind::limit, where + ": longer than " +
                                           std::to_string(largest_expansion) +
                                           " bytes with its variables");
    return result;
}

Result<std::string> expand_lines(std::string_view text, const Variables& variables,
                                 const std::string& file) {
    std::string result;
    std::size_t line = 0;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
        OSIEKIT_ASSIGN(std::string filled, expand(text.substr(at, end - at), variables,
                                                  file + ":" + std::to_string(++line)));
        result += filled;
        if (result.size() > largest_expansion)
            return Error(ErrorKind::limit, file + ": longer than " +
                                               std::to_string(largest_expansion) +
                                               " bytes with its variables");
        at = end;
    }
    return result;
}

Status expand_document(ProfileNode& document, const Variables& variables) {
    for (ProfileMember& member : document.members)
        if (member.key != "variables" && member.key != "extends")
            OSIEKIT_TRY(expand_node(member.value, variables, member.key == "files"));
    return {};
}

}  // namespace osiekit::builder
