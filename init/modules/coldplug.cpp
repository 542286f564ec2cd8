#include "init/modules/coldplug.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>
#include <vector>

#include "lib/base/fd.hpp"
#include "lib/base/text.hpp"

namespace osiekit::init {
namespace {

constexpr int deepest_device = 32;
constexpr std::size_t largest_alias = 4096;  // one page, sysfs's own limit

// Where network cards and disks are.
constexpr std::array<const char*, 4> first_buses = {"pci", "virtio", "vmbus", "usb"};

struct CloseFolder {
    void operator()(DIR* folder) const { ::closedir(folder); }
};
using Folder = std::unique_ptr<DIR, CloseFolder>;

Folder open_folder(int parent, const char* name) {
    int fd = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return nullptr;
    Folder folder(::fdopendir(fd));
    if (!folder) ::close(fd);
    return folder;
}

void read_alias(int folder, const char* name, const OnAlias& on_alias) {
    Fd file(::openat(folder, name, O_RDONLY | O_CLOEXEC));
    if (!file) return;
    std::array<char, largest_alias> text;
    ssize_t size = ::read(file.get(), text.data(), text.size());
    if (size <= 0) return;
    std::string_view alias = trim({text.data(), static_cast<std::size_t>(size)});
    if (!alias.empty()) on_alias(std::string(alias));
}

template <typename Each>
void each_entry(const Folder& folder, Each each) {
    if (!folder) return;
    while (const dirent* entry = ::readdir(folder.get()))
        if (entry->d_name[0] != '.') each(*entry);
}

// Symbolic links (there are many, and circles of them) are not followed.
void walk_tree(int parent, const char* name, int depth, const OnAlias& on_alias) {
    if (depth > deepest_device) return;
    Folder folder = open_folder(parent, name);
    each_entry(folder, [&](const dirent& entry) {
        if (entry.d_type == DT_DIR)
            walk_tree(::dirfd(folder.get()), entry.d_name, depth + 1, on_alias);
        else if (std::string_view(entry.d_name) == "modalias")
            read_alias(::dirfd(folder.get()), entry.d_name, on_alias);
    });
}

}  // namespace

void walk_buses(const std::filesystem::path& sys, const OnAlias& on_alias) {
    Folder buses = open_folder(AT_FDCWD, (sys / "bus").c_str());
    if (!buses) return;
    std::vector<std::string> names(first_buses.begin(), first_buses.end());
    each_entry(buses, [&](const dirent& bus) {
        if (std::find(names.begin(), names.end(), bus.d_name) == names.end())
            names.emplace_back(bus.d_name);
    });
    for (const std::string& name : names) {
        Folder devices = open_folder(::dirfd(buses.get()), (name + "/devices").c_str());
        each_entry(devices, [&](const dirent& device) {
            read_alias(::dirfd(devices.get()), (std::string(device.d_name) + "/modalias").c_str(),
                       on_alias);
        });
    }
}

void walk_all_devices(const std::filesystem::path& sys, const OnAlias& on_alias) {
    walk_tree(AT_FDCWD, (sys / "devices").c_str(), 0, on_alias);
}

}  // namespace osiekit::init
