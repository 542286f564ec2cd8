#include "server/netboot/socket_thread.hpp"

#include <poll.h>

#include <array>

#include "server/netboot/sockets.hpp"
#include "server/netboot/thread.hpp"

namespace osiekit::netboot {

Status SocketThread::start(int socket, std::function<void()> ready, std::function<int()> wait) {
    OSIEKIT_ASSIGN(wake_, open_wake());
    socket_ = socket;
    ready_ = std::move(ready);
    wait_ = std::move(wait);
    thread_ = start_thread([this] { run(); });
    return {};
}

void SocketThread::stop() {
    stopping_ = true;
    if (!thread_.joinable()) return;
    wake(wake_.get());
    thread_.join();
}

void SocketThread::run() {
    while (!stopping_) {
        std::array<pollfd, 2> waited = {pollfd{socket_, POLLIN, 0}, pollfd{wake_.get(), POLLIN, 0}};
        ::poll(waited.data(), waited.size(), wait_ ? wait_() : -1);
        if (!stopping_) ready_();
    }
}

}  // namespace osiekit::netboot
