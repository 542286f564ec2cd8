#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "builder/commands/command.hpp"
#include "builder/commands/image_arguments.hpp"
#include "builder/commands/image_documents.hpp"
#include "builder/commands/reporter.hpp"
#include "builder/image/build.hpp"
#include "builder/image/memory.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

struct BuildArguments {
    ImageArguments image;
    std::string out;
    bool json = false;
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
    Reporter reporter(arguments.image.quiet);
    OSIEKIT_ASSIGN(ImageRequest request, prepare_image(arguments.image, reporter));
    request.options.out = arguments.out;
    auto image = build_image(request.profile, request.options)
                     .context("building " + arguments.image.profile);
    reporter.finish();
    if (!image) return std::move(image).error();
    for (const std::string& text : image->warnings) reporter.warning(text);
    OSIEKIT_TRY(write_documents(request.profile.outputs, arguments.out)
                    .context("writing documents to " + arguments.out));
    double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (arguments.json)
        print_json(*image, arguments.out, seconds);
    else if (!arguments.image.quiet)
        print_summary(*image, arguments.out, seconds);
    return {};
}

}  // namespace

void register_build(CLI::App& app, Invocation& invocation) {
    auto arguments = std::make_shared<BuildArguments>();
    CLI::App* command = app.add_subcommand("build", "Build kernel and initramfs from a profile");
    add_image_options(*command, arguments->image);
    command->add_option("--out", arguments->out, "Folder for the result")
        ->required()
        ->type_name("DIR");
    command->add_flag("--json", arguments->json, "Print the result as JSON");
    command->add_flag("--quiet", arguments->image.quiet, "Print nothing but errors");
    command->footer(std::string(examples));
    command->callback([arguments, &invocation] {
        invocation.run = [arguments] { return run_build(*arguments); };
    });
}

}  // namespace osiekit::builder
