#include "tests/unit/debian/test_server.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "lib/base/digest.hpp"
#include "lib/base/text.hpp"

namespace {

void send_all(int peer, std::string_view bytes) {
    while (!bytes.empty()) {
        ssize_t n = ::send(peer, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (n <= 0) return;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
}

void send_slowly(int peer, std::string_view bytes) {
    for (char byte : bytes) {
        if (::send(peer, &byte, 1, MSG_NOSIGNAL) != 1) return;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
}

std::string header_of(const std::string& request, std::string_view name) {
    for (std::string_view line : osiekit::split(request, '\n')) {
        std::size_t colon = line.find(':');
        if (colon != std::string_view::npos &&
            osiekit::equal_ignoring_case(line.substr(0, colon), name))
            return std::string(osiekit::trim(line.substr(colon + 1)));
    }
    return {};
}

}  // namespace

TestServer::TestServer() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), length) != 0 ||
        ::listen(listener_.get(), 16) != 0 ||
        ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0)
        throw std::runtime_error("the test server cannot listen");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
}

TestServer::~TestServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
    for (std::thread& thread : answering_) thread.join();
}

std::string TestServer::url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
}

void TestServer::put(const std::string& path, std::string content) {
    std::lock_guard lock(mutex_);
    files_[path] = std::move(content);
}

void TestServer::remove(const std::string& path) {
    std::lock_guard lock(mutex_);
    files_.erase(path);
}

std::string TestServer::get(const std::string& path) const {
    std::lock_guard lock(mutex_);
    return files_.at(path);
}

void TestServer::fail(const std::string& path, Fault fault, int times) {
    std::lock_guard lock(mutex_);
    for (int i = 0; i < times; ++i) faults_[path].push_back(fault);
}

std::vector<TestServer::Seen> TestServer::seen() const {
    std::lock_guard lock(mutex_);
    return seen_;
}

std::size_t TestServer::count(const std::string& part) const {
    std::size_t n = 0;
    for (const Seen& one : seen()) n += one.path.find(part) != std::string::npos ? 1 : 0;
    return n;
}

void TestServer::serve() {
    for (;;) {
        osiekit::Fd peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!peer) return;
        // Each for itself, as one may be told to wait for what another one brings about.
        answering_.emplace_back([this, peer = std::move(peer)] { receive(peer.get()); });
    }
}

void TestServer::receive(int peer) {
    std::string request;
    std::array<char, 4096> buffer;
    while (request.find("\r\n\r\n") == std::string::npos) {
        ssize_t n = ::read(peer, buffer.data(), buffer.size());
        if (n <= 0) break;
        request.append(buffer.data(), static_cast<std::size_t>(n));
    }
    answer(peer, request);
}

void TestServer::answer(int peer, const std::string& request) {
    auto words = osiekit::split_words(std::string_view(request).substr(0, request.find('\n')));
    if (words.size() < 2) return;
    Seen seen{std::string(words[1]), header_of(request, "Range"),
              header_of(request, "Authorization"), 200};
    Fault fault;
    std::optional<std::string> body;
    {
        std::lock_guard lock(mutex_);
        auto& faults = faults_[seen.path];
        if (!faults.empty()) {
            fault = faults.front();
            faults.erase(faults.begin());
        }
        auto file = files_.find(seen.path);
        if (file != files_.end()) body = file->second;
    }
    std::string headers = fault.headers;
    if (fault.status != 0) {
        seen.status = fault.status;
        body = "no";
    } else if (!body) {
        seen.status = 404;
        body = "absent";
    } else {
        std::string tag = "\"" + osiekit::Sha256::of(*body).hex().substr(0, 16) + "\"";
        headers += "ETag: " + tag + "\r\n";
        if (header_of(request, "If-None-Match") == tag) {
            seen.status = 304;
            body = "";
        } else if (seen.range.starts_with("bytes=") && !fault.ignore_range) {
            std::size_t from = std::stoul(seen.range.substr(6));
            if (fault.lie_about_range) from /= 2;
            seen.status = from < body->size() ? 206 : 416;
            headers += "Content-Range: bytes " + std::to_string(from) + "-" +
                       std::to_string(body->size() - 1) + "/" + std::to_string(body->size()) +
                       "\r\n";
            body = from < body->size() ? body->substr(from) : "";
        }
    }
    {
        std::lock_guard lock(mutex_);
        seen_.push_back(seen);
    }
    send_all(peer, "HTTP/1.1 " + std::to_string(seen.status) + " x\r\n" + headers +
                       "Content-Length: " + std::to_string(body->size()) +
                       "\r\nConnection: close\r\n\r\n");
    if (fault.before) fault.before();
    std::string_view rest = *body;
    if (fault.trickle) return send_slowly(peer, rest);
    send_all(peer, fault.cut_after ? rest.substr(0, *fault.cut_after) : rest);
}
