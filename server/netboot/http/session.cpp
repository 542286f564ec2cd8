#include "server/netboot/http/session.hpp"

#include <sys/sendfile.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/status.hpp>
#include <exception>

namespace osiekit::netboot::web {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

constexpr std::uint64_t sendfile_piece = 1 << 20;
constexpr int pieces_per_turn = 8;  // then other connections of this thread get theirs

std::string reason(int status) {
    auto text = http::obsolete_reason(http::int_to_status(static_cast<unsigned>(status)));
    return {text.data(), text.size()};
}

std::string_view view(boost::beast::string_view text) {
    return {text.data(), text.size()};
}

bool has_control(const std::string& text) {
    return std::any_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

std::size_t head_size(const http::fields& fields) {
    std::size_t size = 0;
    for (const auto& field : fields) size += field.name_string().size() + field.value().size() + 4;
    return size;
}

std::string header(const std::string& name, const std::string& value) {
    return name + ": " + value + "\r\n";
}

}  // namespace

Session::Session(asio::ip::tcp::socket socket, std::shared_ptr<Shared> shared)
    : socket_(std::move(socket)),
      timer_(socket_.get_executor()),
      shared_(std::move(shared)),
      buffer_(4 * largest_head) {
    ++shared_->connections;
}

Session::~Session() {
    --shared_->connections;
}

void Session::begin() {
    error_code ignored;
    socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
    socket_.native_non_blocking(true, ignored);
    if (shared_->connections > largest_connection_count)
        return refuse(503, "too many connections, try again");
    read();
}

void Session::read() {
    parser_.emplace();
    parser_->header_limit(2 * largest_head);  // coarse; head_size() is exact
    parser_->body_limit(0);
    arm(idle_limit);
    http::async_read(
        socket_, buffer_, *parser_,
        [self = shared_from_this()](error_code error, std::size_t) { self->on_request(error); });
}

void Session::on_request(error_code error) {
    timer_.cancel();
    if (error == http::error::header_limit || error == http::error::buffer_overflow)
        return refuse(431, "request headers too large");
    if (error == http::error::body_limit) return refuse(413, "a request here has no body");
    bool gone = error == http::error::end_of_stream || error == http::error::partial_message;
    bool malformed = error.category() == error_code(http::error::bad_method).category();
    if (error && malformed && !gone) return refuse(400, "not HTTP/1.1: " + error.message());
    if (error) return close();
    if (head_size(parser_->get()) > largest_head) return refuse(431, "request headers too large");
    respond(parser_->get());
}

void Session::refuse(int status, const std::string& why) {
    keep_alive_ = false;
    query_ = {};
    began_ = std::chrono::steady_clock::now();
    auto answer = plain_answer(status, why);
    if (status == 503) answer.headers.emplace_back("Retry-After", "2");
    send_answer(std::move(answer));
}

void Session::respond(const Parser::value_type& request) {
    began_ = std::chrono::steady_clock::now();
    keep_alive_ = request.keep_alive();
    query_ = {};
    query_.method = view(request.method_string());
    error_code ignored;
    auto peer = socket_.remote_endpoint(ignored).address();
    if (peer.is_v4()) query_.peer = Ipv4(peer.to_v4().to_uint());
    if (request.method() != http::verb::get && request.method() != http::verb::head) {
        auto answer = plain_answer(405, "only GET and HEAD are served here");
        answer.headers.emplace_back("Allow", "GET, HEAD");
        keep_alive_ = false;
        return send_answer(std::move(answer));
    }
    auto target = parse_target(view(request.target()));
    if (!target) {
        int status = target.error().kind() == ErrorKind::limit ? 414 : 400;
        return send_answer(plain_answer(status, target.error().message()));
    }
    query_.path = std::move(target->path);
    query_.query = std::move(target->query);
    Reply reply;
    try {
        reply = shared_->route(query_);
    } catch (const std::exception&) {
        // A handler of the main program failed; what it says is not for strangers.
        reply = plain_answer(500, "internal error");
    }
    if (auto* answer = std::get_if<HttpAnswer>(&reply)) return send_answer(std::move(*answer));
    send_content(std::move(std::get<Content>(reply)), request);
}

void Session::send_answer(HttpAnswer answer) {
    std::string headers =
        header("Content-Type", answer.content_type) + header("Cache-Control", "no-store");
    for (const auto& [name, value] : answer.headers)
        if (!has_control(name) && !has_control(value)) headers += header(name, value);
    body_ = std::move(answer.body);
    const auto length = body_.size();
    content_ = {};
    left_ = {};
    if (query_.method == "HEAD") body_.clear();
    send_head(std::move(headers), answer.status, length);
}

void Session::send_content(Content content, const Parser::value_type& request) {
    Conditions conditions{view(request[http::field::range]), view(request[http::field::if_range]),
                          view(request[http::field::if_none_match]),
                          view(request[http::field::if_modified_since])};
    if (query_.method != "GET") conditions.range = {};  // RFC 9110 section 14.2
    auto selection = select(content, conditions);
    std::string headers = header("Accept-Ranges", "bytes") + header("ETag", content.etag);
    if (content.modified != 0) headers += header("Last-Modified", http_date(content.modified));
    const std::string size = std::to_string(content.size);
    if (selection.status == 416) headers += header("Content-Range", "bytes */" + size);
    if (selection.status == 206)
        headers += header("Content-Range",
                          "bytes " + std::to_string(selection.range.first) + "-" +
                              std::to_string(selection.range.first + selection.range.count - 1) +
                              "/" + size);
    if (selection.status == 200 || selection.status == 206)
        headers += header("Content-Type", content.type);
    content_ = std::move(content);
    left_ = query_.method == "HEAD" ? Range{} : selection.range;
    body_.clear();
    if (content_.memory && left_.count > 0)
        body_ = content_.memory->substr(left_.first, left_.count);
    if (content_.memory) left_ = {};
    send_head(std::move(headers), selection.status, selection.range.count);
}

void Session::send_head(std::string extra_headers, int status, std::uint64_t length) {
    delivery_ = {};
    delivery_.status = status;
    head_ = "HTTP/1.1 " + std::to_string(status) + " " + reason(status) + "\r\n" +
            header("Date", http_date(std::time(nullptr))) + std::move(extra_headers);
    if (status != 304) head_ += header("Content-Length", std::to_string(length));
    head_ += header("Connection", keep_alive_ ? "keep-alive" : "close") + "\r\n";
    arm(stall_limit);
    std::array<asio::const_buffer, 2> pieces = {asio::buffer(head_), asio::buffer(body_)};
    asio::async_write(socket_, pieces, [self = shared_from_this()](error_code error, std::size_t) {
        if (error) return self->finish(false);
        self->delivery_.bytes = self->body_.size();
        if (self->left_.count > 0) return self->send_file();
        self->finish(true);
    });
}

void Session::send_file() {
    for (int i = 0; i < pieces_per_turn; ++i) {
        auto offset = static_cast<off_t>(left_.first);
        auto n = ::sendfile(socket_.native_handle(), content_.file.get(), &offset,
                            std::min(left_.count, sendfile_piece));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) {
            arm(stall_limit);
            return socket_.async_wait(asio::ip::tcp::socket::wait_write,
                                      [self = shared_from_this()](error_code error) {
                                          if (error) return self->finish(false);
                                          self->send_file();
                                      });
        }
        // 0: the file became shorter while it was sent; the client sees a body cut off.
        if (n <= 0) return finish(false);
        auto count = static_cast<std::uint64_t>(n);
        left_.first += count;
        left_.count -= count;
        delivery_.bytes += count;
        if (left_.count == 0) return finish(true);
    }
    arm(stall_limit);
    asio::post(socket_.get_executor(), [self = shared_from_this()] { self->send_file(); });
}

void Session::finish(bool complete) {
    timer_.cancel();
    delivery_.complete = complete;
    delivery_.took = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::steady_clock::now() - began_);
    content_ = {};
    if (!query_.path.empty() && shared_->delivered) shared_->delivered(query_, delivery_);
    if (!complete || !keep_alive_) return close();
    read();
}

void Session::arm(std::chrono::seconds limit) {
    timer_.expires_after(limit);
    timer_.async_wait([self = shared_from_this()](error_code error) {
        if (!error) self->close();
    });
}

void Session::close() {
    timer_.cancel();
    error_code ignored;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
    socket_.close(ignored);
}

}  // namespace osiekit::netboot::web
