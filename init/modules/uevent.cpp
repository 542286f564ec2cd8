#include "init/modules/uevent.hpp"

#include <linux/netlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "lib/base/text.hpp"

namespace osiekit::init {
namespace {

constexpr std::size_t largest_message = 8192;  // UEVENT_BUFFER_SIZE is 2048 plus the header
constexpr int receive_buffer = 4 << 20;        // a machine with many disks announces thousands
constexpr unsigned kernel_group = 1;

}  // namespace

std::optional<Uevent> parse_uevent(std::string_view message) {
    std::size_t header_end = message.find('\0');
    if (header_end == std::string_view::npos) return std::nullopt;
    std::string_view header = message.substr(0, header_end);
    std::size_t at = header.find('@');
    if (at == std::string_view::npos || at == 0) return std::nullopt;
    Uevent event{std::string(header.substr(0, at)), std::string(header.substr(at + 1)), {}};
    for (std::string_view line : split(message.substr(header_end + 1), '\0')) {
        constexpr std::string_view key = "MODALIAS=";
        if (line.substr(0, key.size()) == key) event.modalias = line.substr(key.size());
    }
    return event;
}

Result<Fd> open_uevent_socket() {
    Fd fd(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT));
    if (!fd) return Error::from_errno("listening for devices");
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &receive_buffer, sizeof receive_buffer);
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = kernel_group;
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return Error::from_errno("listening for devices");
    return fd;
}

bool drain_uevents(int fd, const std::function<void(const Uevent&)>& on_event) {
    bool lost = false;
    std::array<char, largest_message> buffer;
    for (;;) {
        sockaddr_nl sender{};
        socklen_t length = sizeof sender;
        ssize_t size = ::recvfrom(fd, buffer.data(), buffer.size(), 0,
                                  reinterpret_cast<sockaddr*>(&sender), &length);
        if (size < 0 && errno == ENOBUFS) {
            lost = true;
            continue;
        }
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return lost;
        // Only the kernel (port 0) is believed.
        if (sender.nl_pid != 0) continue;
        if (auto event = parse_uevent({buffer.data(), static_cast<std::size_t>(size)}))
            on_event(*event);
    }
}

}  // namespace osiekit::init
