#include <cstdio>

#include "images/common/device.hpp"
#include "images/common/mounted.hpp"
#include "images/common/program.hpp"
#include "images/writefile/place_file.hpp"

namespace {

using namespace osiekit;
using namespace osiekit::images;

constexpr const char* mount_point = "/mountAction";

constexpr std::string_view help = R"(writefile: writes a file into a file system on a disk

Variables, all required but CONTENTS:
  DEST_DISK   the partition, such as /dev/sda1
  FS_TYPE     its file system, such as ext4
  DEST_PATH   absolute path of the file inside it; missing directories are made
  CONTENTS    what to write (default: nothing)
  UID, GID    owner, as numbers
  MODE        permissions in octal, such as 0644
  DIRMODE     permissions of directories that have to be made

The file is written whole or not at all. Symbolic links count as the installed system sees them and lead
nowhere outside. Needs the volume /dev:/dev. Example, in a template:
  - name: write host name
    image: registry.example/actions/writefile:latest
    timeout: 90
    environment: {DEST_DISK: /dev/sda1, FS_TYPE: ext4, DEST_PATH: /etc/hostname, CONTENTS: "machine-1",
                  UID: "0", GID: "0", MODE: "0644", DIRMODE: "0755"}

Exit status: 0 written, 1 failed, 2 wrong settings.
)";

Status run(const Environment& environment) {
    OSIEKIT_ASSIGN(writefile::Settings settings, writefile::read_settings(environment));
    wait_for_device(settings.disk);
    OSIEKIT_TRY(with_mounted(settings.disk, settings.type, mount_point, MountFor::writing,
                             [&](int root) { return writefile::place_file(root, settings.file); }));
    std::printf("wrote %zu bytes to %s on %s\n", settings.file.contents.size(),
                settings.file.path.c_str(), settings.disk.c_str());
    return {};
}

}  // namespace

int main(int argc, char** argv) {
    return run_program({"writefile", help, run}, argc, argv);
}
