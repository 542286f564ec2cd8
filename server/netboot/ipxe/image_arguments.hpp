#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"

namespace osiekit::netboot::ipxe {

constexpr std::uint64_t largest_image_manifest = 64ULL << 20U;
constexpr std::int64_t image_manifest_format = 1;

// The kernel arguments that the image's builder chose: kernel.cmdline of its manifest.json
// (docs/manifest.md), its words with one blank between them. Errors: invalid_input (not such a
// manifest, a character beyond plain ASCII, a word "--", behind which the kernel reads nothing),
// unsupported (another format), limit (longer than the kernel takes). That no word adds a command
// to the script is checked where the script is made.
Result<std::string> image_arguments(std::string_view manifest);

// The same of a folder with an image, which may be replaced at any time. Thread safe.
class ImageArguments {
  public:
    explicit ImageArguments(std::filesystem::path folder) : folder_(std::move(folder)) {}

    // Empty where the folder has no manifest.json: an image of another maker. The file is read
    // anew when it is another one than last time. Errors: as above, or io, with the path.
    Result<std::string> get() const;

  private:
    // Of a file, as far as stat(2) tells it from another.
    struct Identity {
        std::uint64_t device = 0;
        std::uint64_t inode = 0;
        std::int64_t size = 0;
        std::int64_t seconds = 0;
        std::int64_t nanoseconds = 0;
        bool operator==(const Identity&) const = default;
    };

    std::filesystem::path folder_;
    mutable std::mutex mutex_;
    mutable Identity known_;
    mutable std::optional<std::string> arguments_;  // of the file `known_`
};

}  // namespace osiekit::netboot::ipxe
