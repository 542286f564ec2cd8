#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <thread>
#include <tuple>

#include "builder/cache/blob_cache.hpp"
#include "builder/commands/command.hpp"
#include "builder/commands/interrupt.hpp"
#include "builder/commands/own_folder.hpp"
#include "builder/commands/package_access.hpp"
#include "builder/commands/reporter.hpp"
#include "builder/image/build.hpp"
#include "builder/image/lock_profile.hpp"
#include "builder/image/memory.hpp"
#include "builder/profile/profile.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

struct BuildArguments {
    std::string profile;
    std::string out;
    std::string cache;
    std::string programs;
    std::vector<std::string> set;
    std::string compress;
    std::optional<int> level;
    std::optional<int> window;
    std::string lock;
    bool locked = false;
    bool offline = false;
    bool refresh = false;
    bool json = false;
    bool quiet = false;
};

constexpr std::string_view examples = R"(
Examples:
  osiekit build profiles/virtual.yaml --out out/virtual
  osiekit build profiles/virtual.yaml --out out/virtual --offline --json
  osiekit build site.yaml --set mirror=https://mirror.example --out out/site
  osiekit build profiles/virtual.yaml --out out/small --compress zstd --level 19 --window 27
  osiekit build profiles/virtual.yaml --out out/virtual --locked --offline
  SOURCE_DATE_EPOCH=1700000000 osiekit build site.yaml --out /srv/osie

Writes vmlinuz, initramfs and manifest.json into DIR. Debian packages come from the mirrors that this host's
apt uses, checked against its keys, and are kept in the cache (--cache, else $XDG_CACHE_HOME/osiekit, else
~/.cache/osiekit). Identical inputs give identical bytes; every file in the image carries the time 0, or
SOURCE_DATE_EPOCH if that is set.

Exit status: 0 done, 1 failed, 2 wrong usage or profile, 130 interrupted.
)";

// The flags over what the profile says. Another method starts from its own defaults.
Status choose_compression(const BuildArguments& arguments, CompressionOptions& options) {
    if (!arguments.compress.empty()) {
        auto method = parse_compression_method(arguments.compress);
        if (!method)
            return Error(ErrorKind::invalid_input, "--compress: unknown compression method \"" +
                                                       printable(arguments.compress) + "\"")
                .hint("zstd, xz, gzip, lz4 or none");
        if (*method != options.method) options = default_compression(*method);
    }
    for (auto [flag, wanted, value, bounds] :
         {std::tuple{"--level", arguments.level, &options.level, level_bounds(options.method)},
          std::tuple{"--window", arguments.window, &options.window_log,
                     window_bounds(options.method)}}) {
        if (!wanted) continue;
        if (bounds.lowest > bounds.highest)
            return Error(ErrorKind::invalid_input, std::string(flag) +
                                                       ": there is none to choose with " +
                                                       std::string(to_string(options.method)));
        *value = *wanted;
    }
    return check_compression(options);
}

void print_summary(const BuiltImage& image, const std::string& out, double seconds) {
    std::printf("%s: kernel %s, %zu modules\n", image.name.c_str(), image.kernel.version.c_str(),
                image.modules.included.size());
    for (const Segment& segment : image.segments)
        std::printf("  %-28s %10s%s\n", segment.name.c_str(), human_size(segment.size).c_str(),
                    segment.from_cache ? "  (cached)" : "");
    std::printf("  %-28s %10s\n", "initramfs", human_size(image.initramfs_size).c_str());
    std::printf("  %-28s %10s\n", "vmlinuz", human_size(image.kernel.vmlinuz_size).c_str());
    std::printf("  %-28s %10s\n", "total",
                human_size(image.kernel.vmlinuz_size + image.initramfs_size).c_str());
    std::printf("needs about %s of RAM\nwrote %s in %.2f s\n",
                human_size(needed_ram(image)).c_str(), out.c_str(), seconds);
}

void print_json(const BuiltImage& image, const std::string& out, double seconds) {
    nlohmann::ordered_json result = {
        {"name", image.name},
        {"out", out},
        {"kernel", image.kernel.version},
        {"vmlinuz_size", image.kernel.vmlinuz_size},
        {"initramfs_size", image.initramfs_size},
        {"initramfs_digest", image.initramfs_digest.oci()},
        {"total_size", image.kernel.vmlinuz_size + image.initramfs_size},
        {"least_ram", needed_ram(image)},
        {"seconds", seconds}};
    result["segments"] = nlohmann::ordered_json::array();
    for (const Segment& segment : image.segments)
        result["segments"].push_back({{"name", segment.name},
                                      {"size", segment.size},
                                      {"unpacked", segment.unpacked},
                                      {"cached", segment.from_cache}});
    result["warnings"] = image.warnings;
    std::printf("%s\n",
                result.dump(2, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

Status run_build(const BuildArguments& arguments) {
    auto start = std::chrono::steady_clock::now();
    BuildOptions options;
    options.cancelled = watch_interrupts();
    OSIEKIT_ASSIGN(Profile profile, load_profile(arguments.profile, {arguments.set, {}}));
    OSIEKIT_ASSIGN(options.mtime, source_date());
    options.out = arguments.out;
    options.cache = arguments.cache.empty() ? default_cache_directory()
                                            : std::filesystem::path(arguments.cache);
    options.programs = arguments.programs;
    if (arguments.programs.empty()) {
        OSIEKIT_ASSIGN(options.programs, own_folder());
    }
    options.parallel = std::max(1U, std::thread::hardware_concurrency());
    OSIEKIT_TRY(choose_compression(arguments, profile.compression));
    profile.compression.workers = options.parallel;
    Reporter reporter(arguments.quiet);
    options.stage = [&](std::string_view name) { reporter.stage(name); };
    options.progress = [&](const Progress& state) { reporter.progress(state); };
    options.packages =
        open_repositories({profile.architecture, profile.alpine, options.cache, arguments.offline,
                           arguments.refresh, options.progress, options.cancelled,
                           [&](std::string_view text) { reporter.warning(text); }});
    if (arguments.locked || !arguments.lock.empty()) {
        OSIEKIT_ASSIGN(
            options.packages,
            locked_packages(profile,
                            arguments.lock.empty() ? default_lock_file(arguments.profile)
                                                   : std::filesystem::path(arguments.lock),
                            options.programs, options.mtime, options.packages));
    }
    auto image = build_image(profile, options).context("building " + arguments.profile);
    reporter.finish();
    if (!image) return std::move(image).error();
    for (const std::string& text : image->warnings) reporter.warning(text);
    double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (arguments.json)
        print_json(*image, arguments.out, seconds);
    else if (!arguments.quiet)
        print_summary(*image, arguments.out, seconds);
    return {};
}

}  // namespace

void register_build(CLI::App& app, Invocation& invocation) {
    auto arguments = std::make_shared<BuildArguments>();
    CLI::App* command = app.add_subcommand("build", "Build kernel and initramfs from a profile");
    command->add_option("PROFILE", arguments->profile, "Profile, see docs/profile.md")->required();
    command->add_option("--out", arguments->out, "Folder for the result")
        ->required()
        ->type_name("DIR");
    command->add_option("--cache", arguments->cache, "Folder of the cache")->type_name("DIR");
    command
        ->add_option("--programs", arguments->programs,
                     "Folder of osie-init, tink-worker and other programs of the profile (default: "
                     "where osiekit itself is)")
        ->type_name("DIR");
    command
        ->add_option("--set", arguments->set, "Value of a variable of the profile; may be repeated")
        ->type_name("NAME=VALUE")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command
        ->add_option("--compress", arguments->compress,
                     "zstd, xz, gzip, lz4 or none, instead of what the profile says")
        ->type_name("METHOD");
    command->add_option("--level", arguments->level, "Level of the compression")->type_name("N");
    command
        ->add_option("--window", arguments->window, "Window of zstd or dictionary of xz: 2^N bytes")
        ->type_name("N");
    command->add_flag("--locked", arguments->locked,
                      "Take exactly what PROFILE.lock names (osiekit lock); no index is read");
    command->add_option("--lock", arguments->lock, "The lock file; implies --locked")
        ->type_name("FILE");
    command->add_flag("--offline", arguments->offline, "Use only what is in the cache");
    command->add_flag("--refresh", arguments->refresh,
                      "Ask the mirrors for news even if that was done a moment ago");
    command->add_flag("--json", arguments->json, "Print the result as JSON");
    command->add_flag("--quiet", arguments->quiet, "Print nothing but errors");
    command->footer(std::string(examples));
    command->callback([arguments, &invocation] {
        invocation.run = [arguments] { return run_build(*arguments); };
    });
}

}  // namespace osiekit::builder
