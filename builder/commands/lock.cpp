#include <algorithm>
#include <cstdio>
#include <memory>

#include "builder/cache/blob_cache.hpp"
#include "builder/commands/command.hpp"
#include "builder/commands/interrupt.hpp"
#include "builder/commands/own_folder.hpp"
#include "builder/commands/package_access.hpp"
#include "builder/commands/reporter.hpp"
#include "builder/image/keep_packages.hpp"
#include "builder/image/lock_profile.hpp"
#include "lib/base/file.hpp"

namespace osiekit::builder {

namespace {

struct LockArguments {
    std::string profile;
    std::string lock;
    std::string cache;
    std::string programs;
    std::vector<std::string> set;
    std::vector<std::string> move;  // packages to move; none with `update`: all
    bool update = false;
    bool check = false;
    bool offline = false;
    bool json = false;
    bool quiet = false;
};

constexpr int different_status = 1;
constexpr int trouble_status = 2;

constexpr std::string_view examples = R"(
Examples:
  osiekit lock profiles/virtual.yaml
  osiekit lock profiles/virtual.yaml --update
  osiekit lock profiles/virtual.yaml --update busybox strace
  osiekit lock profiles/virtual.yaml --check
  osiekit build profiles/virtual.yaml --out out/virtual --locked

Writes PROFILE.lock beside the profile: every package with version and digest, and the digest of every local file,
program and value. Packages of a lock that is there stay what they are, as long as the mirrors have them and they go
together with what the profile asks for; --update moves them to what the mirrors have now, --update NAME… only these and
what they force to move. What changed is printed.

Exit status: 0 done, 1 the lock and the profile disagree (--check), 2 trouble.
)";

void print_changes(const LockArguments& arguments, const std::vector<LockChange>& changes) {
    if (arguments.json)
        std::printf("%s\n", changes_json(changes)
                                .dump(2, ' ', false, nlohmann::json::error_handler_t::replace)
                                .c_str());
    else if (!arguments.quiet)
        std::fputs(changes_text(changes).c_str(), stdout);
}

// The packages of now, with the digests that only a fetched package tells.
Result<std::vector<LockedPackage>> resolve(const Profile& profile, PackageSource& source) {
    OSIEKIT_ASSIGN(FoundPackages found, find_packages(profile, source, false));
    for (auto* list : {&found.kernel, &found.image}) {
        bool known = true;
        for (const LocatedPackage& package : *list) known = known && package.digest_known;
        if (!known) {
            OSIEKIT_ASSIGN(*list, source.fetch(std::move(*list)));
        }
    }
    return lock_packages(found);
}

// The packages of a new lock: those of the old one as far as they serve.
Result<std::vector<LockedPackage>> packages_of_now(const LockArguments& arguments,
                                                   const Profile& profile, const Lock& before) {
    Reporter reporter(arguments.quiet);
    reporter.stage("finding packages");
    auto repositories = open_repositories(
        profile, {arguments.cache.empty() ? default_cache_directory()
                                          : std::filesystem::path(arguments.cache),
                  arguments.offline, arguments.update && !arguments.offline,
                  [&](const Progress& state) { reporter.progress(state); }, watch_interrupts(),
                  [&](std::string_view text) { reporter.warning(text); }});
    bool all_move = arguments.update && arguments.move.empty();
    OSIEKIT_ASSIGN(auto source,
                   keep_packages(profile, all_move ? std::vector<LockedPackage>() : before.packages,
                                 arguments.move, std::move(repositories)));
    auto packages = source->asking_again([&] { return resolve(profile, *source); })
                        .context("locking " + arguments.profile);
    reporter.finish();
    return packages;
}

// What was to move and did not.
void tell_unmoved(const LockArguments& arguments, const Lock& before, const Lock& now) {
    for (const std::string& name : arguments.move)
        for (const LockedPackage& package : before.packages)
            if (package.name == name && !arguments.quiet &&
                std::find(now.packages.begin(), now.packages.end(), package) != now.packages.end())
                std::fprintf(stderr, "osiekit: %s stays %s: there is nothing newer that fits\n",
                             name.c_str(), package.version.c_str());
}

Result<int> check_lock(const LockArguments& arguments, const Profile& profile, const Lock& before,
                       const LockInputs& now) {
    auto changes = diff_inputs(before.inputs, now);
    print_changes(arguments, changes);
    for (const std::string& text : disagreements(profile, before.inputs, now))
        std::fprintf(stderr, "osiekit: %s\n", text.c_str());
    return changes.empty() ? 0 : different_status;
}

Result<int> run_lock(const LockArguments& arguments) {
    OSIEKIT_ASSIGN(Profile profile, load_profile(arguments.profile, {arguments.set, {}}));
    std::filesystem::path file = arguments.lock.empty() ? default_lock_file(arguments.profile)
                                                        : std::filesystem::path(arguments.lock);
    std::filesystem::path programs = arguments.programs;
    if (arguments.programs.empty()) {
        OSIEKIT_ASSIGN(programs, own_folder());
    }
    OSIEKIT_ASSIGN(std::uint32_t mtime, source_date());
    Lock now;
    OSIEKIT_ASSIGN(now.inputs, lock_inputs(profile, programs, mtime, LocalFiles()));
    std::error_code error;
    Lock before;
    bool there = std::filesystem::exists(file, error);
    if (there || arguments.check || !arguments.move.empty()) {
        OSIEKIT_ASSIGN(before, read_lock(file));
    }
    if (arguments.check) return check_lock(arguments, profile, before, now.inputs);
    Lock sorted = now;
    sort_lock(sorted);
    sort_lock(before);
    if (there && !arguments.update && sorted.inputs.requests == before.inputs.requests &&
        sorted.inputs.architecture == before.inputs.architecture) {
        now.packages = before.packages;
    } else {
        OSIEKIT_ASSIGN(now.packages, packages_of_now(arguments, profile, before));
    }
    // What cannot be read back must not be written.
    OSIEKIT_TRY(parse_lock(lock_text(now), file.string()));
    OSIEKIT_TRY(write_file(file, lock_text(now)));
    print_changes(arguments, diff_locks(before, now));
    tell_unmoved(arguments, before, now);
    return 0;
}

}  // namespace

void register_lock(CLI::App& app, Invocation& invocation) {
    auto arguments = std::make_shared<LockArguments>();
    CLI::App* command =
        app.add_subcommand("lock", "Write down every input of an image, to build the same again");
    command->add_option("PROFILE", arguments->profile, "Profile, see docs/profile.md")->required();
    command->add_option("--lock", arguments->lock, "The lock file (default: beside the profile)")
        ->type_name("FILE");
    command->add_option("--cache", arguments->cache, "Folder of the cache")->type_name("DIR");
    command->add_option("--programs", arguments->programs, "Folder of osie-init and tink-worker")
        ->type_name("DIR");
    command
        ->add_option("--set", arguments->set, "Value of a variable of the profile; may be repeated")
        ->type_name("NAME=VALUE")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command->add_option("NAME", arguments->move, "With --update: the packages that move");
    command->add_flag("--update", arguments->update,
                      "Move to what the mirrors have now; with names of packages, only these and "
                      "what they force");
    command->add_flag("--check", arguments->check,
                      "Write nothing; exit with 1 if lock and profile disagree");
    command->add_flag("--offline", arguments->offline, "Use only what is in the cache");
    command->add_flag("--json", arguments->json, "Print what changed as JSON");
    command->add_flag("--quiet", arguments->quiet, "Print nothing but errors");
    command->footer(std::string(examples));
    command->callback([arguments, &invocation] {
        if (!arguments->move.empty() && !arguments->update)
            throw CLI::ValidationError("NAME", "names of packages go with --update");
        invocation.run = [arguments, &invocation]() -> Status {
            invocation.failure_status = trouble_status;
            OSIEKIT_ASSIGN(invocation.status, run_lock(*arguments));
            return {};
        };
    });
}

}  // namespace osiekit::builder
