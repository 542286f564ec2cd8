#include "images/common/device.hpp"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "lib/base/fd.hpp"

namespace osiekit::images {
namespace {

bool is_there(const std::filesystem::path& path) {
    return ::access(path.c_str(), F_OK) == 0;
}

}  // namespace

bool wait_for_device(const std::filesystem::path& path, std::chrono::milliseconds limit) {
    if (is_there(path)) return true;
    Fd events(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!events ||
        ::inotify_add_watch(events.get(), path.parent_path().c_str(), IN_CREATE | IN_MOVED_TO) < 0)
        return is_there(path);
    if (limit.count() > 0) std::printf("waiting for %s\n", path.c_str());
    std::fflush(stdout);
    auto end = std::chrono::steady_clock::now() + limit;
    std::array<char, 4096> buffer;
    // Looked at once more after the watch stands, so that nothing falls in between.
    while (!is_there(path)) {
        auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            end - std::chrono::steady_clock::now());
        if (left.count() <= 0) return false;
        pollfd ready{events.get(), POLLIN, 0};
        ::poll(&ready, 1, static_cast<int>(left.count()));
        while (::read(events.get(), buffer.data(), buffer.size()) > 0) {
        }
    }
    return true;
}

}  // namespace osiekit::images
