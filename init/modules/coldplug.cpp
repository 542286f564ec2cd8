#include "init/modules/coldplug.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string_view>

#include "lib/base/fd.hpp"
#include "lib/base/text.hpp"

namespace osiekit::init {
namespace {

constexpr int deepest_device = 32;
constexpr std::size_t largest_alias = 4096;  // one page, sysfs's own limit

using Visit = std::function<void(std::string)>;
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

void read_alias(int folder, const char* name, const Visit& visit) {
    Fd file(::openat(folder, name, O_RDONLY | O_CLOEXEC));
    if (!file) return;
    std::array<char, largest_alias> text;
    ssize_t size = ::read(file.get(), text.data(), text.size());
    if (size <= 0) return;
    std::string_view alias = trim({text.data(), static_cast<std::size_t>(size)});
    if (!alias.empty()) visit(std::string(alias));
}

template <typename Each>
void each_entry(const Folder& folder, Each each) {
    if (!folder) return;
    while (const dirent* entry = ::readdir(folder.get()))
        if (entry->d_name[0] != '.') each(*entry);
}

void walk_buses(const std::filesystem::path& sys, const Visit& visit) {
    Folder buses = open_folder(AT_FDCWD, (sys / "bus").c_str());
    each_entry(buses, [&](const dirent& bus) {
        std::string devices_name = std::string(bus.d_name) + "/devices";
        Folder devices = open_folder(::dirfd(buses.get()), devices_name.c_str());
        each_entry(devices, [&](const dirent& device) {
            std::string name = std::string(device.d_name) + "/modalias";
            read_alias(::dirfd(devices.get()), name.c_str(), visit);
        });
    });
}

// Symbolic links (there are many, and circles of them) are not followed.
void walk_tree(int parent, const char* name, int depth, const Visit& visit) {
    if (depth > deepest_device) return;
    Folder folder = open_folder(parent, name);
    each_entry(folder, [&](const dirent& entry) {
        if (entry.d_type == DT_DIR)
            walk_tree(::dirfd(folder.get()), entry.d_name, depth + 1, visit);
        else if (std::string_view(entry.d_name) == "modalias")
            read_alias(::dirfd(folder.get()), entry.d_name, visit);
    });
}

}  // namespace

void walk_devices(const std::filesystem::path& sys, const Visit& on_alias) {
    walk_buses(sys, on_alias);
    walk_tree(AT_FDCWD, (sys / "devices").c_str(), 0, on_alias);
}

}  // namespace osiekit::init
