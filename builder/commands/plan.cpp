#include "builder/image/plan.hpp"

#include <cstdio>
#include <memory>

#include "builder/commands/command.hpp"
#include "builder/commands/image_arguments.hpp"
#include "builder/commands/reporter.hpp"

namespace osiekit::builder {

namespace {

constexpr std::string_view examples = R"(
Examples:
  osiekit plan profiles/virtual.yaml
  osiekit plan profiles/virtual.yaml --locked --offline
  osiekit plan site.yaml --set mirror=https://mirror.example --json

Says what "osiekit build" with the same flags would do: which packages in which versions, from where, which of them
would be fetched, which segments would be compressed, and what comes from this machine. Fetches no package and
writes no image; the mirrors are only asked for their indexes, and with --offline or --locked not even for these.

Exit status: 0 done, 1 failed, 2 wrong usage or profile, 130 interrupted.
)";

struct PlanArguments {
    ImageArguments image;
    bool json = false;
};

Status run_plan(const PlanArguments& arguments) {
    Reporter reporter(arguments.image.quiet);
    OSIEKIT_ASSIGN(ImageRequest request, prepare_image(arguments.image, reporter));
    auto plan =
        plan_image(request.profile, request.options).context("planning " + arguments.image.profile);
    reporter.finish();
    if (!plan) return std::move(plan).error();
    OSIEKIT_ASSIGN(auto inputs,
                   local_inputs(request.profile, request.options.programs, *request.options.local));
    for (const std::string& text : plan->warnings) reporter.warning(text);
    std::string text =
        arguments.json ? plan_json(*plan, inputs)
                                 .dump(2, ' ', false, nlohmann::json::error_handler_t::replace) +
                             "\n"
                       : plan_text(*plan, inputs);
    std::fputs(text.c_str(), stdout);
    return {};
}

}  // namespace

void register_plan(CLI::App& app, Invocation& invocation) {
    auto arguments = std::make_shared<PlanArguments>();
    CLI::App* command =
        app.add_subcommand("plan", "Say what a build would fetch and make, without doing it");
    add_image_options(*command, arguments->image);
    command->add_flag("--json", arguments->json, "Print the plan as JSON");
    command->add_flag("--quiet", arguments->image.quiet, "No progress, no warnings");
    command->footer(std::string(examples));
    command->callback([arguments, &invocation] {
        invocation.run = [arguments] { return run_plan(*arguments); };
    });
}

}  // namespace osiekit::builder
