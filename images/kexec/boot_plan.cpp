#include "images/kexec/boot_plan.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/file.hpp"

namespace osiekit::images::kexec {
namespace {

constexpr const char* default_grub_path = "boot/grub/grub.cfg";

}  // namespace

Result<Fd> open_below(int root, const std::string& path) {
    open_how how{};
    how.flags = O_RDONLY | O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    long fd = -1;
    do {
        fd = ::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
    } while (fd < 0 && (errno == EAGAIN || errno == EINTR));
    if (fd < 0) return Error::from_errno("opening " + path + " on the disk");
    return Fd(static_cast<int>(fd));
}

Result<Settings> read_settings(const Environment& environment) {
    Settings settings;
    OSIEKIT_ASSIGN(settings.disk, environment.absolute_path("BLOCK_DEVICE"));
    OSIEKIT_ASSIGN(settings.type, environment.required("FS_TYPE"));
    settings.grub_path = environment.optional("GRUBCFG_PATH", default_grub_path);
    settings.wanted.kernel = environment.optional("KERNEL_PATH");
    settings.wanted.arguments = environment.optional("CMD_LINE");
    std::string initrd = environment.optional("INITRD_PATH");
    if (!initrd.empty()) settings.wanted.initrds.push_back(initrd);
    if (settings.wanted.kernel.empty() && !initrd.empty())
        return Error(ErrorKind::invalid_input, "INITRD_PATH is given, but no KERNEL_PATH")
            .hint("give both, or none for what GRUB's configuration says");
    return settings;
}

Result<BootEntry> plan_boot(const Settings& settings, int root) {
    if (!settings.wanted.kernel.empty()) return settings.wanted;
    OSIEKIT_ASSIGN(Fd file, open_below(root, settings.grub_path));
    auto text = read_all(file.get(), max_grub_config_bytes);
    auto entry = text ? default_entry(*text) : Result<BootEntry>(text.error());
    if (!entry)
        return std::move(entry)
            .error()
            .context("reading GRUB's configuration " + settings.grub_path)
            .hint("KERNEL_PATH, INITRD_PATH and CMD_LINE say what to boot without it");
    if (!settings.wanted.arguments.empty()) entry->arguments = settings.wanted.arguments;
    return entry;
}

}  // namespace osiekit::images::kexec
