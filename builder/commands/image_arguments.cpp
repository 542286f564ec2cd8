#include "builder/commands/image_arguments.hpp"

#include <thread>
#include <tuple>

#include "builder/cache/blob_cache.hpp"
#include "builder/commands/interrupt.hpp"
#include "builder/commands/own_folder.hpp"
#include "builder/commands/package_access.hpp"
#include "builder/image/lock_profile.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

// The flags over what the profile says. Another method starts from its own defaults.
Status choose_compression(const ImageArguments& arguments, CompressionOptions& options) {
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

}  // namespace

Result<ImageRequest> prepare_image(const ImageArguments& arguments, Reporter& reporter) {
    BuildOptions options;
    options.cancelled = watch_interrupts();
    OSIEKIT_ASSIGN(Profile profile, load_profile(arguments.profile, {arguments.set, {}}));
    OSIEKIT_ASSIGN(options.mtime, source_date());
    options.cache = arguments.cache.empty() ? default_cache_directory()
                                            : std::filesystem::path(arguments.cache);
    options.programs = arguments.programs;
    if (arguments.programs.empty()) {
        OSIEKIT_ASSIGN(options.programs, own_folder());
    }
    options.local = std::make_shared<LocalFiles>();
    options.parallel = std::max(1U, std::thread::hardware_concurrency());
    OSIEKIT_TRY(choose_compression(arguments, profile.compression));
    options.stage = [&reporter](std::string_view name) { reporter.stage(name); };
    options.progress = [&reporter](const Progress& state) { reporter.progress(state); };
    options.packages = open_repositories(
        profile,
        {options.cache, arguments.offline, arguments.refresh, options.progress, options.cancelled,
         [&reporter](std::string_view text) { reporter.warning(text); }});
    if (arguments.locked || !arguments.lock.empty()) {
        OSIEKIT_ASSIGN(
            options.packages,
            locked_packages(profile,
                            arguments.lock.empty() ? default_lock_file(arguments.profile)
                                                   : std::filesystem::path(arguments.lock),
                            options.programs, options.mtime, *options.local, options.packages));
    }
    return ImageRequest{std::move(profile), std::move(options)};
}

void add_image_options(CLI::App& command, ImageArguments& arguments) {
    command.add_option("PROFILE", arguments.profile, "Profile, see docs/profile.md")->required();
    command.add_option("--cache", arguments.cache, "Folder of the cache")->type_name("DIR");
    command
        .add_option("--programs", arguments.programs,
                    "Folder of osie-init, tink-worker and other programs of the profile (default: "
                    "where osiekit itself is)")
        ->type_name("DIR");
    command
        .add_option("--set", arguments.set, "Value of a variable of the profile; may be repeated")
        ->type_name("NAME=VALUE")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    command
        .add_option("--compress", arguments.compress,
                    "zstd, xz, gzip, lz4 or none, instead of what the profile says")
        ->type_name("METHOD");
    command.add_option("--level", arguments.level, "Level of the compression")->type_name("N");
    command
        .add_option("--window", arguments.window, "Window of zstd or dictionary of xz: 2^N bytes")
        ->type_name("N");
    command.add_flag("--locked", arguments.locked,
                     "Take exactly what PROFILE.lock names (osiekit lock); no index is read");
    command.add_option("--lock", arguments.lock, "The lock file; implies --locked")
        ->type_name("FILE");
    command.add_flag("--offline", arguments.offline, "Use only what is in the cache");
    command.add_flag("--refresh", arguments.refresh,
                     "Ask the mirrors for news even if that was done a moment ago");
}

}  // namespace osiekit::builder
