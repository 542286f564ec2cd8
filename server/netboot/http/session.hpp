#pragma once

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "server/netboot/http/server.hpp"

namespace osiekit::netboot::web {

// What the sessions of one server share; lives as long as the last of them.
struct Shared {
    Server::Route route;
    Server::Delivered delivered;
    std::atomic<unsigned> connections{0};
};

// One connection. Its handlers run on the strand of its socket; it lives until the last of them
// has run.
class Session : public std::enable_shared_from_this<Session> {
  public:
    Session(boost::asio::ip::tcp::socket socket, std::shared_ptr<Shared> shared);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    void begin();

  private:
    using Parser = boost::beast::http::request_parser<boost::beast::http::empty_body>;

    void read();
    void on_request(boost::system::error_code error);
    void refuse(int status, const std::string& why);
    void respond(const Parser::value_type& request);
    void send_answer(HttpAnswer answer);
    void send_content(Content content, const Parser::value_type& request);
    void send_head(std::string extra_headers, int status, std::uint64_t length);
    void send_file();
    void finish(bool complete);
    void arm(std::chrono::seconds limit);
    void close();

    boost::asio::ip::tcp::socket socket_;
    boost::asio::steady_timer timer_;
    std::shared_ptr<Shared> shared_;
    boost::beast::flat_buffer buffer_;
    std::optional<Parser> parser_;
    HttpQuery query_;
    bool keep_alive_ = false;
    std::string head_;
    std::string body_;  // of a short answer
    Content content_;
    Range left_;  // of content_, still to be sent
    Delivery delivery_;
    std::chrono::steady_clock::time_point began_;
};

}  // namespace osiekit::netboot::web
