#include <cstdio>
#include <string>

#include "images/common/device.hpp"
#include "images/common/program.hpp"
#include "images/image2disk/transfer.hpp"

namespace {

using namespace osiekit;
using namespace osiekit::images;

constexpr std::string_view help = R"(image2disk: streams a disk image from an HTTP server to a disk

Variables:
  IMG_URL                    http:// or https:// address of the image (required)
  DEST_DISK                  the disk, such as /dev/sda (required; waited for 20 s; not in use)
  COMPRESSED                 true: unpack gzip, bzip2, xz or zstd, told by content (default false)
  IMG_SHA256                 SHA-256 of the file at IMG_URL; anything else is a failure
  RETRY_ENABLED              true: go on after a broken transfer (default false)
  RETRY_DURATION_MINUTES     for how long (default 10)
  PROGRESS_INTERVAL_SECONDS  seconds between lines of progress (default 3)
  IMG_CA_FILE                extra certificates for https, a file in the action

A cut or damaged transfer is a failure. The image's first MiB is written last, so the disk does not boot
until everything is there. Needs the volume /dev:/dev. Example, in a template:
  - name: stream image
    image: registry.example/actions/image2disk:latest
    timeout: 1800
    environment: {IMG_URL: "http://server.example/debian.raw.zst", DEST_DISK: /dev/sda, COMPRESSED: "true"}

Exit status: 0 written, 1 failed, 2 wrong settings.
)";

Status run(const Environment& environment) {
    OSIEKIT_ASSIGN(image2disk::Settings settings, image2disk::read_settings(environment));
    wait_for_device(settings.disk);
    image2disk::TransferOptions options;
    options.say = [](std::string_view line) { std::printf("%s\n", std::string(line).c_str()); };
    auto done = image2disk::transfer(settings, options);
    if (!done) return std::move(done).error();
    return {};
}

}  // namespace

int main(int argc, char** argv) {
    return run_program({"image2disk", help, run}, argc, argv);
}
