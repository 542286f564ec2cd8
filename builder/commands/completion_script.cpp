#include "builder/commands/completion_script.hpp"

#include <functional>

#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

using Kind = CompletionValue::Kind;

std::string first_line(const std::string& text) {
    return text.substr(0, text.find('\n'));
}

// CLI11 writes the values of IsMember as "TEXT:{a,b}"; our own type names say the rest.
CompletionValue value_of(const CLI::Option& option, const std::string& type) {
    CompletionValue value;
    if (option.get_items_expected_max() == 0) return value;
    value.kind = Kind::anything;
    std::size_t open = type.find('{');
    std::size_t close = type.find('}');
    if (open != std::string::npos && close != std::string::npos && open < close) {
        value.kind = Kind::one_of;
        std::string_view inside = std::string_view(type).substr(open + 1, close - open - 1);
        for (std::string_view choice : split(inside, ',')) value.choices.emplace_back(choice);
    } else if (type.starts_with("DIR")) {
        value.kind = Kind::folder;
    } else if (type.starts_with("FILE")) {
        value.kind = Kind::file;
    }
    return value;
}

void for_each(const CompletionCommand& command,
              const std::function<void(const CompletionCommand&)>& visit) {
    visit(command);
    for (const CompletionCommand& child : command.commands) for_each(child, visit);
}

// In single quotes, where `escaped` stands for a quote inside.
std::string quoted(const std::string& text, const std::string& escaped) {
    std::string result = "'";
    for (char c : text) result += c == '\'' ? escaped : std::string(1, c);
    return result + "'";
}
std::string shell(const std::string& text) {
    return quoted(text, "'\\''");
}

// "'osiekit build' | 'osiekit action'": all places but the first.
std::string places(const CompletionCommand& root, const std::string& separator) {
    std::vector<std::string> list;
    for_each(root, [&](const CompletionCommand& command) {
        if (command.place != root.place) list.push_back(shell(command.place));
    });
    return join(list, separator);
}

std::string words_of(const std::vector<CompletionOption>& options) {
    std::vector<std::string> words;
    for (const CompletionOption& option : options)
        for (const std::string& name : option.names) words.push_back(name);
    return join(words, " ");
}

std::string words_of(const std::vector<CompletionCommand>& commands) {
    std::vector<std::string> words;
    for (const CompletionCommand& command : commands) words.push_back(command.name);
    return join(words, " ");
}

// What bash does for a value: a line of the script.
std::string bash_value(const CompletionValue& value) {
    switch (value.kind) {
        case Kind::one_of:
            return "found=$(compgen -W " + shell(join(value.choices, " ")) + " -- \"$word\")";
        case Kind::folder:
            return "compopt -o filenames; found=$(compgen -d -- \"$word\")";
        case Kind::file:
            return "compopt -o filenames; found=$(compgen -f -- \"$word\")";
        default:
            return "found=";
    }
}

std::string zsh_value(const CompletionValue& value) {
    switch (value.kind) {
        case Kind::one_of:
            return "compadd -- " + join(value.choices, " ");
        case Kind::folder:
            return "_files -/";
        case Kind::file:
            return "_files";
        default:
            return "_message 'a value'";
    }
}

std::string fish_value(const CompletionValue& value) {
    switch (value.kind) {
        case Kind::nothing:
            return "";
        case Kind::one_of:
            return " -x -a " + quoted(join(value.choices, " "), "\\'");
        case Kind::folder:
            return " -x -a '(__fish_complete_directories)'";
        case Kind::file:
            return " -r -F";
        default:
            return " -x";
    }
}

// The options that take a value, as "PLACE NAME" patterns with what is done for it.
std::string value_cases(const CompletionCommand& root,
                        const std::function<std::string(const CompletionValue&)>& action) {
    std::string text;
    for_each(root, [&](const CompletionCommand& command) {
        for (const CompletionOption& option : command.options) {
            if (option.value.kind == Kind::nothing) continue;
            std::vector<std::string> patterns;
            for (const std::string& name : option.names)
                patterns.push_back(shell(command.place + " " + name));
            text += "    " + join(patterns, " | ") + ")\n        " + action(option.value) +
                    "\n        ;;\n";
        }
    });
    return text;
}

// "'name:what'", a colon in the name or text escaped, for zsh's _describe.
std::string described(const std::string& name, const std::string& what) {
    std::string text;
    for (char c : name) text += c == ':' ? std::string("\\:") : std::string(1, c);
    return shell(text + ":" + what);
}

}  // namespace

CompletionCommand describe_command(const CLI::App& app, const std::string& place) {
    CompletionCommand command;
    command.name = app.get_name();
    command.place = place.empty() ? command.name : place + " " + command.name;
    command.what = first_line(app.get_description());
    for (const CLI::Option* option : app.get_options()) {
        CompletionOption item;
        item.what = first_line(option->get_description());
        item.value = value_of(*option, option->get_type_name());
        if (option->get_positional()) {
            command.argument = std::move(item.value);
            // Images, profiles and definitions are files or folders.
            if (command.argument.kind == Kind::anything) command.argument.kind = Kind::file;
            continue;
        }
        for (const std::string& name : option->get_lnames()) item.names.push_back("--" + name);
        for (const std::string& name : option->get_snames()) item.names.push_back("-" + name);
        command.options.push_back(std::move(item));
    }
    for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; }))
        command.commands.push_back(describe_command(*child, command.place));
    return command;
}

std::string bash_completion(const CompletionCommand& root) {
    std::string function = "_" + root.name;
    std::string text = "# bash completion for " + root.name +
                       "; source it, or keep it as\n# ~/.local/share/bash-completion/completions/" +
                       root.name + "\n" + function + R"(() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} place=)" +
                       root.name + R"( found i
    # "--option=value" comes in three words.
    if [[ $word == = ]]; then
        word=
    elif [[ $before == = ]]; then
        before=${COMP_WORDS[COMP_CWORD-2]}
    fi
    for ((i = 1; i < COMP_CWORD; ++i)); do
        case "$place ${COMP_WORDS[i]}" in
        )" + places(root, " | ") +
                       R"() place="$place ${COMP_WORDS[i]}" ;;
        esac
    done
    case "$place $before" in
)" + value_cases(root, bash_value) +
                       "    *)\n        case \"$place\" in\n";
    for_each(root, [&](const CompletionCommand& command) {
        text +=
            "        " + shell(command.place) +
            ")\n            if [[ $word == -* ]]; then\n                found=$(compgen -W " +
            shell(words_of(command.options)) +
            " -- \"$word\")\n            else\n                " +
            (command.commands.empty()
                 ? bash_value(command.argument)
                 : "found=$(compgen -W " + shell(words_of(command.commands)) + " -- \"$word\")") +
            "\n            fi\n            ;;\n";
    });
    return text + R"(        esac
        ;;
    esac
    COMPREPLY=()
    [[ -z $found ]] || mapfile -t COMPREPLY <<<"$found"
}
complete -F )" +
           function + " " + root.name + "\n";
}

std::string zsh_completion(const CompletionCommand& root) {
    std::string function = "_" + root.name;
    std::string text =
        "#compdef " + root.name + "\n# zsh completion for " + root.name +
        "; source it, or keep it as _" + root.name + " in a folder of $fpath\n" + function + R"(() {
    local place=)" +
        root.name + R"( i
    local -a choices
    for ((i = 2; i < CURRENT; ++i)); do
        case "$place ${words[i]}" in
        )" +
        places(root, " | ") + R"() place="$place ${words[i]}" ;;
        esac
    done
    case "$place ${words[CURRENT-1]}" in
)" +
        value_cases(
            root,
            [](const CompletionValue& value) { return zsh_value(value) + "\n        return"; }) +
        "    esac\n    case \"$place\" in\n";
    for_each(root, [&](const CompletionCommand& command) {
        std::vector<std::string> options;
        for (const CompletionOption& option : command.options)
            for (const std::string& name : option.names)
                options.push_back(described(name, option.what));
        std::vector<std::string> commands;
        for (const CompletionCommand& child : command.commands)
            commands.push_back(described(child.name, child.what));
        text += "    " + shell(command.place) +
                ")\n        if [[ ${words[CURRENT]} == -* ]]; then\n            choices=(" +
                join(options, " ") +
                ")\n            _describe option choices\n        else\n            " +
                (commands.empty() ? zsh_value(command.argument)
                                  : "choices=(" + join(commands, " ") +
                                        ")\n            _describe command choices") +
                "\n        fi\n        ;;\n";
    });
    return text + "    esac\n}\nif [[ ${funcstack[1]} == " + function + " ]]; then\n    " +
           function + " \"$@\"\nelse\n    compdef " + function + " " + root.name + "\nfi\n";
}

std::string fish_completion(const CompletionCommand& root) {
    std::string function = "__" + root.name + "_place";
    std::string text = "# fish completion for " + root.name +
                       "; source it, or keep it as ~/.config/fish/completions/" + root.name +
                       ".fish\nfunction " + function + "\n    set -l place " + root.name + R"(
    for word in (commandline -opc)[2..-1]
        switch "$place $word"
            case )" + places(root, " ") +
                       R"(
                set place "$place $word"
        end
    end
    echo $place
end
complete -c )" + root.name +
                       " -f\n";
    for_each(root, [&](const CompletionCommand& command) {
        std::string start = "complete -c " + root.name + " -n 'test (" + function + ") = \"" +
                            command.place + "\"'";
        for (const CompletionCommand& child : command.commands)
            text += start + " -a " + child.name + " -d " + quoted(child.what, "\\'") + "\n";
        for (const CompletionOption& option : command.options) {
            text += start;
            for (const std::string& name : option.names)
                text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
            text += fish_value(option.value) + " -d " + quoted(option.what, "\\'") + "\n";
        }
        if (command.argument.kind == Kind::file) text += start + " -F\n";
    });
    return text;
}

}  // namespace osiekit::builder
