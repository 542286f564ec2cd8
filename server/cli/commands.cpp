#include "server/cli/commands.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <list>

#include "lib/base/file.hpp"
#include "lib/base/terminal.hpp"
#include "lib/base/text.hpp"
#include "server/cli/client.hpp"
#include "server/cli/completion.hpp"
#include "server/cli/logs.hpp"
#include "server/cli/output.hpp"
#include "server/cli/watch.hpp"

namespace osiekit::tink {
namespace {

constexpr const char* default_server = "127.0.0.1:42113";
constexpr std::uint64_t max_file = 1U << 20U;  // the server's limit on documents

constexpr const char* footer = R"(Examples:
  tink hardware push machine.yaml
  tink template create --name install template.yaml
  tink workflow create --template install --hardware machine-1
  tink workflow events 01KAJ0… --watch      # until it ends; exit status 1 if it failed
  tink logs 01KAJ0… --follow                # what its actions print, until it ends
  tink events --hardware 52:54:00:12:34:01 --watch

The server is --server, else TINK_SERVER, else 127.0.0.1:42113.
Exit status: 0 done, 1 failed, 2 wrong usage or input, 130 interrupted.)";

constexpr const char* hardware_examples = R"(Examples:
  tink hardware push machine.yaml
  tink hardware list
  tink hardware get 52:54:00:12:34:01 --json)";

constexpr const char* template_examples = R"(Examples:
  tink template create --name install template.yaml
  tink template list
  tink template get install)";

constexpr const char* workflow_examples = R"(Examples:
  tink workflow create --template install --hardware machine-1
  tink workflow create --template pair --hardware machine-1 --set device_2=52:54:00:12:34:02
  tink workflow get 01KAJ0…
  tink workflow list --hardware machine-1
  tink workflow events 01KAJ0… --watch)";

constexpr const char* logs_examples = R"(Examples:
  tink logs 01KAJ0…                         # what is kept of its actions' output
  tink logs 01KAJ0… --follow                # and what comes, until the workflow ends
  tink logs 01KAJ0… --action stream-image --json | jq -r .text

Of a workflow the newest 64 MiB are kept. Lines that are missing are counted in their place.)";

// What the flags and words of the command line were.
struct Options {
    std::string server;
    Style style;
    std::string file;
    std::string name;
    std::string template_name;
    std::string hardware;
    std::vector<std::string> assignments;
    std::string id;
    std::uint64_t from = 0;
    bool watch = false;
    std::string action;
    bool follow = false;
};

void print(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
}

std::string pretty(const Json& value) {
    return value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<std::string> read_input(const std::string& path) {
    return path == "-" ? read_all(STDIN_FILENO, max_file) : read_file(path, max_file);
}

Result<std::map<std::string, std::string>> hardware_map(const std::vector<std::string>& words) {
    std::map<std::string, std::string> map;
    for (const auto& word : words) {
        auto equals = word.find('=');
        if (equals == 0 || equals == std::string::npos)
            return Error(ErrorKind::invalid_input,
                         "--set " + printable(word, 60) + ": no KEY=VALUE")
                .hint("for example --set device_2=52:54:00:12:34:02");
        map[word.substr(0, equals)] = word.substr(equals + 1);
    }
    return map;
}

class Commands {
  public:
    // A command does its work in `action`, whose number is the exit status.
    using Action = std::function<Result<int>()>;

    Commands() : app_("Manages the machines, templates and workflows of an osie-server.", "tink") {
        app_.set_version_flag("--version", std::string("tink ") + OSIEKIT_VERSION);
        app_.footer(footer);
        app_.require_subcommand(1);
        app_.fallthrough();
        const char* server = std::getenv("TINK_SERVER");
        options_.server = server && *server ? server : default_server;
        app_.add_option("--server", options_.server, "HOST:PORT of osie-server");
        app_.add_flag("--json", options_.style.json, "print JSON, for machines");
        add_hardware();
        add_templates();
        add_workflows();
        add_logs();
        group_examples_ = footer;
        events_options(
            command(app_, "events", "the event log, oldest first", [this] { return events(); }));
        add_completion();
    }

    int run(int argc, const char* const* argv) {
        try {
            app_.parse(argc, argv);
        } catch (const CLI::ParseError& e) {
            if (e.get_exit_code() == 0) return app_.exit(e, std::cout, std::cerr);
            std::fprintf(stderr, "tink: %s (hint: see tink --help)\n", e.what());
            return 2;
        }
        options_.style.colour = !options_.style.json && wants_colour(STDOUT_FILENO);
        client_ = Client::create(options_.server);
        auto status = action_();
        if (status) return *status;
        std::fprintf(stderr, "tink: %s\n", status.error().to_string().c_str());
        return exit_status(status.error());
    }

  private:
    CLI::App* command(CLI::App& parent, const std::string& name, const std::string& what,
                      Action action) {
        CLI::App* sub = parent.add_subcommand(name, what);
        sub->footer(group_examples_);
        sub->callback([this, action = std::move(action)] { action_ = action; });
        return sub;
    }

    CLI::App& group(const std::string& name, const std::string& what, const char* examples) {
        CLI::App* sub = app_.add_subcommand(name, what);
        sub->require_subcommand(1);
        sub->fallthrough();
        group_examples_ = examples;
        sub->footer(examples);
        return *sub;
    }

    // Prints the answer as JSON, or as `text` makes it.
    template <typename F>
    Result<int> show(Result<Json> answer, F text) {
        if (!answer) return std::move(answer).error();
        print(options_.style.json ? pretty(*answer) : text(*answer));
        return 0;
    }

    void add_hardware() {
        CLI::App& hardware = group("hardware", "machines", hardware_examples);
        command(hardware, "push", "create or replace a machine's record", [this] { return push(); })
            ->add_option("FILE", options_.file, "YAML or JSON; - for standard input")
            ->required();
        command(hardware, "list", "all machines",
                [this] { return show(client_->list_hardware(), hardware_table); });
        command(hardware, "get", "one machine's record",
                [this] {
                    return show(client_->get_hardware(options_.name),
                                [](const Json& one) { return pretty(one["document"]); });
                })
            ->add_option("NAME", options_.name, "name or MAC")
            ->required();
    }

    Result<int> push() {
        OSIEKIT_ASSIGN(std::string text, read_input(options_.file));
        auto answer = client_->put_hardware(text);
        if (!answer) return std::move(answer).error().context("pushing " + options_.file);
        return show(std::move(answer),
                    [](const Json& one) { return one["name"].get<std::string>() + "\n"; });
    }

    void add_templates() {
        CLI::App& templates = group("template", "workflow templates", template_examples);
        CLI::App* create = command(templates, "create", "create or replace a template",
                                   [this] { return create_template(); });
        create->add_option("--name", options_.name, "its name")->required();
        create->add_option("FILE", options_.file, "the text; - for standard input")->required();
        command(templates, "list", "all templates",
                [this] { return show(client_->list_templates(), template_table); });
        command(templates, "get", "one template's text",
                [this] {
                    return show(client_->get_template(options_.name),
                                [](const Json& one) { return one["text"].get<std::string>(); });
                })
            ->add_option("NAME", options_.name, "its name")
            ->required();
    }

    Result<int> create_template() {
        OSIEKIT_ASSIGN(std::string text, read_input(options_.file));
        return show(client_->create_template(options_.name, text),
                    [](const Json& one) { return one["name"].get<std::string>() + "\n"; });
    }

    void add_workflows() {
        CLI::App& workflows = group("workflow", "workflows", workflow_examples);
        CLI::App* create =
            command(workflows, "create", "queue a template for a machine; prints the id",
                    [this] { return create_workflow(); });
        create->add_option("--template", options_.template_name, "name of the template")
            ->required();
        create->add_option("--hardware", options_.hardware, "name or MAC of the machine")
            ->required();
        create->add_option("--set", options_.assignments,
                           "KEY=VALUE at the template's root (device_1 and worker_id are given)");
        command(workflows, "get", "one workflow with its actions",
                [this] {
                    return show(client_->get_workflow(options_.id), [this](const Json& one) {
                        return workflow_text(one, options_.style);
                    });
                })
            ->add_option("ID", options_.id, "id of the workflow")
            ->required();
        command(workflows, "list", "all workflows, oldest first", [this] {
            return show(client_->list_workflows(options_.hardware),
                        [this](const Json& all) { return workflow_table(all, options_.style); });
        })->add_option("--hardware", options_.hardware, "only of this machine (name or MAC)");
        events_options(command(workflows, "events", "events of a workflow", [this] {
            return events();
        }))->required();
    }

    // Adds the flags of `events`; returns the id's.
    CLI::Option* events_options(CLI::App* sub) {
        sub->add_flag("--watch", options_.watch,
                      "go on as they happen; with an ID until that workflow ends");
        sub->add_option("--hardware", options_.hardware, "only of this machine (name or MAC)");
        sub->add_option("--from", options_.from, "first sequence number");
        return sub->add_option("ID", options_.id, "only of this workflow");
    }

    Result<int> create_workflow() {
        OSIEKIT_ASSIGN(auto map, hardware_map(options_.assignments));
        auto answer = client_->create_workflow(options_.template_name, options_.hardware, map);
        if (answer && answer->contains("warnings"))
            for (const auto& warning : (*answer)["warnings"])
                std::fprintf(stderr, "tink: warning: %s\n", warning.get<std::string>().c_str());
        return show(std::move(answer),
                    [](const Json& one) { return one["id"].get<std::string>() + "\n"; });
    }

    Result<int> events() {
        // A word misspelt would be watched for ever: ask for the workflow first.
        if (!options_.id.empty()) OSIEKIT_TRY(client_->get_workflow(options_.id));
        WatchOptions watch{options_.id, options_.hardware, options_.from, options_.watch};
        OSIEKIT_ASSIGN(bool failed, print_events(*client_, watch, options_.style));
        return failed ? 1 : 0;
    }

    void add_logs() {
        group_examples_ = logs_examples;
        CLI::App* logs = command(app_, "logs", "what the actions of a workflow print",
                                 [this] { return print_output(); });
        logs->add_option("WORKFLOW", options_.id, "id of the workflow")->required();
        logs->add_flag("-f,--follow", options_.follow, "go on until the workflow ends");
        logs->add_option("--action", options_.action, "only of this action (name or id)");
    }

    Result<int> print_output() {
        LogOptions wanted{options_.id, options_.action, 0, options_.follow};
        OSIEKIT_TRY(print_logs(*client_, wanted, options_.style));
        return 0;
    }

    void add_completion() {
        CLI::App& completion = group("completion", "completion for shells",
                                     "Example:\n  source <(tink completion bash)");
        command(completion, "bash", "for bash: source <(tink completion bash)",
                []() -> Result<int> {
                    print(bash_completion());
                    return 0;
                });
    }

    CLI::App app_;
    const char* group_examples_ = footer;
    Options options_;
    std::unique_ptr<Client> client_;
    Action action_;
};

}  // namespace

int run(int argc, const char* const* argv) {
    return Commands().run(argc, argv);
}

}  // namespace osiekit::tink
