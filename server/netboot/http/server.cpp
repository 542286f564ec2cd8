#include "server/netboot/http/server.hpp"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/strand.hpp>
#include <thread>
#include <vector>

#include "server/netboot/http/session.hpp"
#include "server/netboot/thread.hpp"

namespace osiekit::netboot::web {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

struct Server::State {
    asio::io_context context;
    tcp::acceptor acceptor{context};
    asio::steady_timer pause{context};
    std::shared_ptr<Shared> shared = std::make_shared<Shared>();
    std::vector<std::thread> threads;
    unsigned thread_count = 1;
    std::uint16_t port = 0;

    void accept() {
        acceptor.async_accept(
            asio::make_strand(context), [this](error_code error, tcp::socket socket) {
                if (error == asio::error::operation_aborted) return;
                if (!error)
                    std::make_shared<Session>(std::move(socket), shared)->begin();
                else  // out of file descriptors, say: not to be tried again in a tight loop
                    return accept_later();
                accept();
            });
    }
    void accept_later() {
        pause.expires_after(std::chrono::milliseconds(100));
        pause.async_wait([this](error_code error) {
            if (!error) accept();
        });
    }
};

namespace {

Error failed(const std::string& what, const error_code& error) {
    return {ErrorKind::io, what + ": " + error.message()};
}

}  // namespace

Result<std::unique_ptr<Server>> Server::open(const Options& options) {
    auto state = std::make_unique<State>();
    state->thread_count = std::max(1U, options.threads);
    auto& acceptor = state->acceptor;
    error_code error;
    const std::string where =
        "HTTP on " + options.address.to_string() + ":" + std::to_string(options.port);
    acceptor.open(tcp::v4(), error);
    if (error) return failed("opening " + where, error);
    acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    acceptor.bind({asio::ip::address_v4(options.address.value()), options.port}, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error)
        return failed("listening for " + where, error)
            .hint("is another server on this port (`ss -ltnp`), and is the address this host's?");
    state->port = acceptor.local_endpoint(error).port();
    return std::unique_ptr<Server>(new Server(std::move(state)));
}

void Server::start(Route route, Delivered delivered) {
    state_->shared->route = std::move(route);
    state_->shared->delivered = std::move(delivered);
    state_->accept();
    for (unsigned i = 0; i < state_->thread_count; ++i)
        state_->threads.push_back(start_thread([raw = state_.get()] { raw->context.run(); }));
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}

Server::~Server() {
    stop();
}

std::uint16_t Server::port() const {
    return state_->port;
}

void Server::stop() {
    state_->context.stop();
    for (auto& thread : state_->threads) thread.join();
    state_->threads.clear();
}

}  // namespace osiekit::netboot::web
