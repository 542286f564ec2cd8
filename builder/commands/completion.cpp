#include <unistd.h>

#include <memory>

#include "builder/commands/command.hpp"
#include "builder/commands/completion_script.hpp"
#include "lib/base/file.hpp"

namespace osiekit::builder {

namespace {

constexpr std::string_view examples = R"(
Examples:
  source <(osiekit completion bash)
  osiekit completion bash > ~/.local/share/bash-completion/completions/osiekit
  osiekit completion zsh > ~/.zfunc/_osiekit
  osiekit completion fish > ~/.config/fish/completions/osiekit.fish
)";

}  // namespace

void register_completion(CLI::App& app, Invocation& invocation) {
    auto shell = std::make_shared<std::string>();
    CLI::App* command = app.add_subcommand(
        "completion", "Print a script that completes osiekit's command line in a shell");
    command->add_option("SHELL", *shell, "bash, zsh or fish")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}));
    command->footer(std::string(examples));
    command->callback([shell, &app, &invocation] {
        invocation.run = [shell, &app]() -> Status {
            CompletionCommand root = describe_command(app);
            std::string script = *shell == "bash"  ? bash_completion(root)
                                 : *shell == "zsh" ? zsh_completion(root)
                                                   : fish_completion(root);
            return write_all(STDOUT_FILENO, script);
        };
    });
}

}  // namespace osiekit::builder
