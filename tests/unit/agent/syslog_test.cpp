// Remote logs to real sockets on loopback.
#include <arpa/inet.h>
#include <sys/socket.h>

#include <catch2/catch.hpp>

#include "agent/syslog.hpp"
#include "lib/base/text.hpp"

using namespace osiekit;
using namespace osiekit::agent;

namespace {

struct Receiver {
    Fd socket;
    std::string port;
    explicit Receiver(int type) : socket(::socket(AF_INET, type | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        auto* generic = reinterpret_cast<sockaddr*>(&address);
        REQUIRE(::bind(socket.get(), generic, length) == 0);
        REQUIRE(::getsockname(socket.get(), generic, &length) == 0);
        port = std::to_string(ntohs(address.sin_port));
        if (type == SOCK_STREAM) REQUIRE(::listen(socket.get(), 5) == 0);
    }
    Fd accept() const { return Fd(::accept4(socket.get(), nullptr, nullptr, SOCK_CLOEXEC)); }
};

SyslogMessage message(std::string_view text) {
    return {"2026-01-31T12:00:00.123456Z", false, "52:54:00:12:34:56", "stream image", text};
}

// One message with its length in front.
std::string read_counted(int fd) {
    std::string digits;
    char c = 0;
    while (::recv(fd, &c, 1, 0) == 1 && c != ' ') digits += c;
    std::string text(parse_u64(digits).value(), '\0');
    REQUIRE(::recv(fd, text.data(), text.size(), MSG_WAITALL) == static_cast<ssize_t>(text.size()));
    return text;
}

}  // namespace

TEST_CASE("places for remote logs") {
    auto plain = parse_syslog_target("logs.example", 514).value();
    REQUIRE((plain.host == "logs.example" && plain.port == "514" && !plain.tcp));
    auto tcp = parse_syslog_target("tcp://[2001:db8::1]:6514", 514).value();
    REQUIRE((tcp.host == "2001:db8::1" && tcp.port == "6514" && tcp.tcp));
    REQUIRE(parse_syslog_target("2001:db8::1", 514)->host == "2001:db8::1");
    REQUIRE(parse_syslog_target("udp://10.0.0.1", 99)->port == "99");
    for (const char* text : {"", "tls://x", "tcp://", "x:0", "x:65536", "x:y", "a/b", "tcp://x/y"})
        REQUIRE_FALSE(parse_syslog_target(text, 514));
}

TEST_CASE("a message as RFC 5424 has it") {
    REQUIRE(format_syslog(message("a b")) ==
            "<30>1 2026-01-31T12:00:00.123456Z 52:54:00:12:34:56 stream_image - - - a b");
    SyslogMessage bare;
    bare.error = true;
    REQUIRE(format_syslog(bare) == "<27>1 - - - - - - ");
    bare.app_name = "0123456789012345678901234567890123456789012345678";
    REQUIRE(format_syslog(bare) ==
            "<27>1 - - 012345678901234567890123456789012345678901234567 - - - ");
}

TEST_CASE("messages arrive by UDP") {
    Receiver receiver(SOCK_DGRAM);
    SyslogSender sender({"127.0.0.1", receiver.port, false});
    sender.send(message("one"));
    std::string text(1000, '\0');
    auto n = ::recv(receiver.socket.get(), text.data(), text.size(), 0);
    REQUIRE(n > 0);
    text.resize(static_cast<std::size_t>(n));
    REQUIRE(text == format_syslog(message("one")));
}

TEST_CASE("messages arrive by TCP in order, also over a second connection") {
    Receiver receiver(SOCK_STREAM);
    SyslogSender sender({"127.0.0.1", receiver.port, true});
    sender.send(message("one"));
    sender.send(message("two\xc3\xbc"));
    {
        Fd peer = receiver.accept();
        REQUIRE(read_counted(peer.get()) == format_syslog(message("one")));
        REQUIRE(read_counted(peer.get()) == format_syslog(message("two\xc3\xbc")));
    }
    // What is sent into a closed connection before the peer's end is seen may be lost; what comes
    // after is not.
    Fd second;
    ::timeval patience{0, 50000};
    ::setsockopt(receiver.socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    for (int i = 0; i < 600 && !second; ++i) {
        sender.send(message("again"));
        second = receiver.accept();
    }
    REQUIRE(second);
    REQUIRE(read_counted(second.get()) == format_syslog(message("again")));
}

TEST_CASE("what has not been sent at the end is counted") {
    std::string port;
    {
        Receiver gone(SOCK_STREAM);
        port = gone.port;
    }
    SyslogSender refused({"127.0.0.1", port, true});
    for (int i = 0; i < 5; ++i) refused.send(message("x"));
    CHECK(refused.finish() == 5);

    Receiver full(SOCK_STREAM);
    SyslogSender slow({"127.0.0.1", full.port, true});
    std::size_t count = 2 * SyslogSender::max_waiting_bytes / 1000;
    for (std::size_t i = 0; i < count; ++i) slow.send(message(std::string(1000, 'x')));
    auto unsent = slow.finish();
    // What was sent can be read, one after the other; what was not was counted.
    std::uint64_t told = 0;
    Fd peer = full.accept();
    std::string all;
    {
        std::string piece(1 << 16, '\0');
        for (ssize_t n = 0; (n = ::recv(peer.get(), piece.data(), piece.size(), 0)) > 0;)
            all.append(piece, 0, static_cast<std::size_t>(n));
    }
    std::string_view rest = all;
    while (!rest.empty()) {
        std::size_t blank = rest.find(' ');
        if (blank == std::string_view::npos) break;  // cut off: counted
        std::size_t length = parse_u64(rest.substr(0, blank)).value();
        if (rest.size() < blank + 1 + length) break;
        std::string_view text = rest.substr(blank + 1, length);
        auto words = split_words(text);
        if (text.find("lines were dropped") != std::string_view::npos)
            told += parse_u64(words[7]).value();
        else
            ++told;
        rest.remove_prefix(blank + 1 + length);
    }
    CHECK(told + unsent == count);
    CHECK(unsent > 0);

    Receiver there(SOCK_STREAM);
    SyslogSender fine({"127.0.0.1", there.port, true});
    fine.send(message("one"));
    CHECK(fine.finish() == 0);
    Fd accepted = there.accept();
    CHECK(read_counted(accepted.get()) == format_syslog(message("one")));
}

TEST_CASE("a peer that takes nothing holds nobody up, and is told what it missed") {
    Receiver receiver(SOCK_STREAM);
    SyslogSender sender({"127.0.0.1", receiver.port, true});
    std::string line(1000, 'x');
    // Four times what the queue holds.
    std::size_t count = 4 * SyslogSender::max_waiting_bytes / line.size();
    for (std::size_t i = 0; i < count; ++i) sender.send(message(line));
    Fd peer = receiver.accept();
    std::string text;
    while (text.find("lines were dropped") == std::string::npos) text = read_counted(peer.get());
    REQUIRE(text.find("<27>1 - - tink-worker") == 0);
}
