#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "builder/commands/reporter.hpp"
#include "builder/image/build.hpp"
#include "builder/profile/profile.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// What says which image: the same for every command that begins as a build does.
struct ImageArguments {
    std::string profile;
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
    bool quiet = false;
};
void add_image_options(CLI::App& command, ImageArguments& arguments);

// The profile and the settings that follow from the arguments; `out` is left empty. Progress goes
// to the reporter, which has to live longer. Interrupts are watched from now on.
struct ImageRequest {
    Profile profile;
    BuildOptions options;
};
Result<ImageRequest> prepare_image(const ImageArguments& arguments, Reporter& reporter);

}  // namespace osiekit::builder
