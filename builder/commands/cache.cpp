#include <CLI/CLI.hpp>
#include <cstdio>
#include <ctime>
#include <limits>
#include <memory>

#include "builder/cache/blob_cache.hpp"
#include "builder/cache/collect.hpp"
#include "builder/commands/cache_text.hpp"
#include "builder/commands/command.hpp"
#include "builder/commands/interrupt.hpp"
#include "builder/commands/reporter.hpp"

namespace osiekit::builder {

namespace {

constexpr int damaged_status = 1;
constexpr int trouble_status = 2;
constexpr std::uint64_t longest_keeping = 100'000;  // days

constexpr std::string_view list_examples = R"(
Examples:
  osiekit cache ls
  osiekit cache ls --all
  osiekit cache ls --json | jq '.entries[] | select(.kind == "package") | .name'
)";

constexpr std::string_view collect_examples = R"(
Examples:
  osiekit cache gc
  osiekit cache gc --keep-days 7 --max-size 2GiB
  osiekit cache gc --keep-days 0
  osiekit cache gc --dry-run --json

Removes what no build has used for 30 days, or as --keep-days says; then, with --max-size, the least recently used until
the rest fits; and what killed builds have left. Builds may be at work meanwhile: what they use stays.
)";

constexpr std::string_view verify_examples = R"(
Examples:
  osiekit cache verify
  osiekit cache verify --dry-run --json

Reads every entry and compares it with its digest. Damaged ones are removed; the next build that needs them fetches or
makes them again.

Exit status: 0 all good, 1 something was damaged, 2 trouble, 130 interrupted.
)";

struct CacheArguments {
    std::string cache;
    std::uint64_t keep_days = default_keep_days;
    std::optional<std::uint64_t> max_size;
    bool all = false;
    bool dry_run = false;
    bool json = false;
    bool quiet = false;

    std::filesystem::path directory() const {
        return cache.empty() ? default_cache_directory() : std::filesystem::path(cache);
    }
};

void print(const std::string& text) {
    std::fputs(text.c_str(), stdout);
}

Status run_list(const CacheArguments& arguments) {
    OSIEKIT_ASSIGN(auto entries, list_cache(arguments.directory()));
    print(arguments.json ? entries_json(arguments.directory(), entries)
                         : entries_text(arguments.directory(), entries, arguments.all));
    return {};
}

Status run_collect(const CacheArguments& arguments) {
    auto cancelled = watch_interrupts();
    CollectPolicy policy;
    policy.keep_days = arguments.keep_days;
    policy.max_size = arguments.max_size;
    policy.now.tv_sec = std::time(nullptr);
    OSIEKIT_ASSIGN(Collected collected,
                   collect_cache(arguments.directory(), policy, arguments.dry_run, cancelled));
    if (arguments.json)
        print(collected_json(collected, arguments.dry_run));
    else if (!arguments.quiet)
        print(collected_text(collected, arguments.dry_run));
    return {};
}

Result<int> run_verify(const CacheArguments& arguments) {
    auto cancelled = watch_interrupts();
    Reporter reporter(arguments.quiet);
    reporter.stage("verifying " + arguments.directory().string());
    Progress state;
    auto moved = [&](std::uint64_t done, std::uint64_t total) {
        state.bytes_done = done;
        state.bytes_total = total;
        reporter.progress(state);
    };
    auto verified = verify_cache(arguments.directory(), arguments.dry_run, moved, cancelled);
    reporter.finish();
    if (!verified) return std::move(verified).error();
    if (arguments.json)
        print(verified_json(*verified, arguments.dry_run));
    else if (!arguments.quiet || !verified->damaged.empty())
        print(verified_text(*verified, arguments.dry_run));
    return verified->damaged.empty() ? 0 : damaged_status;
}

void add_common(CLI::App& command, CacheArguments& arguments, std::string_view examples) {
    command.add_option("--cache", arguments.cache, "Folder of the cache")->type_name("DIR");
    command.add_flag("--json", arguments.json, "Print the result as JSON, with bytes");
    command.footer(std::string(examples));
}

void add_list(CLI::App& group, Invocation& invocation) {
    auto arguments = std::make_shared<CacheArguments>();
    CLI::App* command = group.add_subcommand("ls", "List what is in the cache");
    add_common(*command, *arguments, list_examples);
    command->add_flag("--all", arguments->all, "The small records one by one, too");
    command->callback([arguments, &invocation] {
        invocation.run = [arguments] { return run_list(*arguments); };
    });
}

void add_collect(CLI::App& group, Invocation& invocation) {
    auto arguments = std::make_shared<CacheArguments>();
    CLI::App* command =
        group.add_subcommand("gc", "Remove what is no longer used, and what killed builds left");
    add_common(*command, *arguments, collect_examples);
    command
        ->add_option("--keep-days", arguments->keep_days,
                     "Keep what was used in the last N days (default: 30)")
        ->type_name("N")
        ->check(CLI::Range(std::uint64_t{0}, longest_keeping));
    command
        ->add_option("--max-size", arguments->max_size,
                     "Then keep no more than this, the last used first: 500MiB, 2GiB")
        ->transform(CLI::AsSizeValue(false))
        ->type_name("SIZE");
    command->add_flag("--dry-run", arguments->dry_run, "Only say what would be removed");
    command->add_flag("--quiet", arguments->quiet, "Print nothing but errors");
    command->callback([arguments, &invocation] {
        invocation.run = [arguments] { return run_collect(*arguments); };
    });
}

void add_verify(CLI::App& group, Invocation& invocation) {
    auto arguments = std::make_shared<CacheArguments>();
    CLI::App* command =
        group.add_subcommand("verify", "Compare every entry with its digest, remove damaged ones");
    add_common(*command, *arguments, verify_examples);
    command->add_flag("--dry-run", arguments->dry_run, "Remove nothing");
    command->add_flag("--quiet", arguments->quiet, "Print nothing but damage and errors");
    command->callback([arguments, &invocation] {
        invocation.run = [arguments, &invocation]() -> Status {
            auto status = run_verify(*arguments);
            if (status) {
                invocation.status = *status;
                return {};
            }
            if (status.error().kind() != ErrorKind::cancelled)
                invocation.failure_status = trouble_status;
            return std::move(status).error();
        };
    });
}

}  // namespace

void register_cache(CLI::App& app, Invocation& invocation) {
    CLI::App* group =
        app.add_subcommand("cache", "Look into the cache, tidy it up, check it (docs/cache.md)");
    group->require_subcommand(1);
    add_list(*group, invocation);
    add_collect(*group, invocation);
    add_verify(*group, invocation);
}

}  // namespace osiekit::builder
