#include <cstdio>

#include "agent/commands/command.hpp"
#include "agent/commands/common.hpp"
#include "agent/image_source.hpp"
#include "agent/rootfs.hpp"

namespace osiekit::agent {
namespace {

constexpr const char* footer =
    "Examples:\n"
    "  tink-worker pull registry.example/actions/image2disk:v1\n"
    "  tink-worker pull --insecure-registries 127.0.0.1:5000 127.0.0.1:5000/mine:1\n"
    "  tink-worker pull --store /tmp/store registry.example/mine@sha256:...";

Status pull(const Settings& settings, const std::string& image) {
    auto log = command_log(settings);
    if (auto prepared = prepare_store(settings.store); !prepared)
        return std::move(prepared).error();
    OSIEKIT_ASSIGN(
        auto lock, StoreLock::take(settings.store, StoreLock::Kind::exclusive, [&] {
            log.info("waiting for another program that works in " + settings.store.string());
        }));
    OSIEKIT_ASSIGN(auto store, oci::ImageStore::open(settings.store / "images"));
    OSIEKIT_ASSIGN(auto stored, pull_image(store, settings, image, {}, log));
    std::printf("%s@%s\n", stored.image.reference.to_string().c_str(),
                stored.image.manifest_digest.oci().c_str());
    return {};
}

}  // namespace

int run_command_pull(int argc, const char* const* argv) {
    CLI::App app("Fetches an image into the store, so that a later action finds its layers there.",
                 "tink-worker pull");
    app.footer(footer);
    CommandSettings common;
    std::string image;
    app.add_option("IMAGE", image, "[REGISTRY/]NAME[:TAG][@DIGEST]")->required();
    common.add_to(app, false);
    if (auto status = parse_arguments(app, argc, argv)) return *status;
    auto settings = common.resolve();
    if (!settings) return fail(settings.error());
    if (auto done = pull(*settings, image); !done) return fail(done.error());
    return 0;
}

}  // namespace osiekit::agent
