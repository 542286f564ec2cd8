#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "lib/base/fd.hpp"

// An HTTP server on a free loopback port whose answers a test writes byte by byte: one request a
// connection, the script gives the raw answer, the connection closes.
class ScriptedServer {
  public:
    using Script = std::function<std::string(const std::string& request)>;

    explicit ScriptedServer(Script script)
        : script_(std::move(script)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
            ::listen(listener_.get(), 8) != 0 ||
            ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0)
            std::abort();
        host_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
        thread_ = std::thread([this] { serve(); });
    }
    ~ScriptedServer() {
        stop_ = true;
        ::shutdown(listener_.get(), SHUT_RDWR);
        thread_.join();
    }
    const std::string& host() const { return host_; }
    std::vector<std::string> requests() const {
        std::lock_guard lock(mutex_);
        return requests_;
    }

    static std::string answer(int status, const std::string& headers, const std::string& body) {
        return "HTTP/1.1 " + std::to_string(status) + " X\r\nConnection: close\r\n" + headers +
               "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    }

  private:
    void serve() {
        while (!stop_) {
            osiekit::Fd peer(::accept(listener_.get(), nullptr, nullptr));
            if (!peer) continue;
            std::string request;
            std::array<char, 4096> buffer;
            while (request.find("\r\n\r\n") == std::string::npos) {
                ssize_t n = ::read(peer.get(), buffer.data(), buffer.size());
                if (n <= 0) break;
                request.append(buffer.data(), static_cast<std::size_t>(n));
            }
            std::string bytes = script_(request);
            {
                std::lock_guard lock(mutex_);
                requests_.push_back(std::move(request));
            }
            for (std::size_t at = 0; at < bytes.size();) {
                ssize_t n = ::send(peer.get(), bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
                if (n <= 0) break;
                at += static_cast<std::size_t>(n);
            }
        }
    }

    Script script_;
    osiekit::Fd listener_;
    std::string host_;
    mutable std::mutex mutex_;
    std::vector<std::string> requests_;
    std::atomic<bool> stop_ = false;
    std::thread thread_;
};
