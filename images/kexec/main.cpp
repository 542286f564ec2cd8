#include <cstdio>

#include "images/common/device.hpp"
#include "images/common/mounted.hpp"
#include "images/common/program.hpp"
#include "images/kexec/boot_plan.hpp"
#include "images/kexec/load.hpp"

namespace {

using namespace osiekit;
using namespace osiekit::images;

constexpr const char* mount_point = "/mountAction";
constexpr const char* shared_folder = "/worker";

constexpr std::string_view help =
    R"(kexec: starts a disk's kernel without going through the machine's firmware

The kernel is loaded now. The agent reports this action's success, waits for the server's reply, and then has
the environment end in order and the kernel started.

Variables:
  BLOCK_DEVICE   the partition, such as /dev/sda1 (required)
  FS_TYPE        its file system, such as ext4 (required)
  KERNEL_PATH    the kernel in it (default: what GRUB's configuration would boot)
  INITRD_PATH    its initrd
  CMD_LINE       its arguments (default with GRUB's kernel: GRUB's)
  GRUBCFG_PATH   GRUB's configuration (default: boot/grub/grub.cfg)

Needs the volumes /dev:/dev and /worker:/worker. Without /worker the kernel is started at once, before the
report; that needs pid: host. Example, in a template:
  - name: start the installed system
    image: registry.example/actions/kexec:latest
    timeout: 90
    volumes: ["/dev:/dev", "/worker:/worker"]
    environment: {BLOCK_DEVICE: /dev/sda1, FS_TYPE: ext4}

Exit status: 0 loaded and requested, 1 failed, 2 wrong settings.
)";

Status load(const kexec::Settings& settings, int root) {
    OSIEKIT_ASSIGN(kexec::BootEntry entry, kexec::plan_boot(settings, root));
    OSIEKIT_TRY(kexec::load_kernel(root, entry));
    std::printf("loaded %s with \"%s\"\n", entry.kernel.c_str(), entry.arguments.c_str());
    return {};
}

Status run(const Environment& environment) {
    OSIEKIT_ASSIGN(kexec::Settings settings, kexec::read_settings(environment));
    wait_for_device(settings.disk);
    OSIEKIT_TRY(with_mounted(settings.disk, settings.type, mount_point, MountFor::reading,
                             [&](int root) { return load(settings, root); }));
    return kexec::start_kernel(shared_folder);
}

}  // namespace

int main(int argc, char** argv) {
    return run_program({"kexec", help, run}, argc, argv);
}
