#include "init/system/clock.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <memory>
#include <thread>

#include "lib/base/bytes.hpp"
#include "lib/base/fd.hpp"

namespace osiekit::init {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::int64_t step_from_ns = second_ns / 2;
constexpr std::uint64_t seconds_1900_to_1970 = 2208988800ULL;
constexpr std::array<int, 3> waits_ms = {1000, 2000, 4000};
constexpr std::uint8_t client_request = 0x23;  // version 4, mode client
constexpr unsigned server_mode = 4;
constexpr unsigned not_synchronised = 3;  // leap indicator
constexpr unsigned last_stratum = 15;

std::int64_t now_ns() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * second_ns + now.tv_nsec;
}

Status set_clock(std::int64_t ns) {
    timespec time{ns / second_ns, ns % second_ns};
    if (::clock_settime(CLOCK_REALTIME, &time) != 0) return Error::from_errno("setting the clock");
    return {};
}

struct FreeAddresses {
    void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};

// The server's offset from our clock in nanoseconds.
Result<std::int64_t> ask(const addrinfo& address, int wait_ms) {
    Fd fd(::socket(address.ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!fd || ::connect(fd.get(), address.ai_addr, address.ai_addrlen) != 0)
        return Error::from_errno("connecting");
    std::uint64_t cookie = 0;
    if (::getrandom(&cookie, sizeof cookie, GRND_NONBLOCK) < 0)
        cookie = static_cast<std::uint64_t>(now_ns());
    std::string request = sntp_request(cookie);
    std::int64_t sent = now_ns();
    if (::send(fd.get(), request.data(), request.size(), 0) < 0) return Error::from_errno("asking");
    pollfd waiting{fd.get(), POLLIN, 0};
    if (::poll(&waiting, 1, wait_ms) <= 0) return Error(ErrorKind::network, "no answer");
    std::array<char, 512> buffer;
    ssize_t size = ::recv(fd.get(), buffer.data(), buffer.size(), 0);
    if (size < 0) return Error::from_errno("reading the answer");
    std::int64_t received = now_ns();
    OSIEKIT_ASSIGN(std::int64_t server,
                   parse_sntp_reply({buffer.data(), static_cast<std::size_t>(size)}, cookie));
    return server - (sent + received) / 2;
}

Result<std::int64_t> ask_server(const std::string& server) {
    Error last(ErrorKind::network, "no answer");
    for (int wait_ms : waits_ms) {
        addrinfo hints{};
        hints.ai_family = AF_UNSPEC;
        hints.ai_socktype = SOCK_DGRAM;
        addrinfo* list = nullptr;
        if (int code = ::getaddrinfo(server.c_str(), "123", &hints, &list); code != 0) {
            last = Error(ErrorKind::network, ::gai_strerror(code));
            continue;
        }
        std::unique_ptr<addrinfo, FreeAddresses> addresses(list);
        Result<std::int64_t> offset = ask(*addresses, wait_ms);
        if (offset) return offset;
        last = std::move(offset).error();
    }
    return std::move(last).context("asking the time server " + server);
}

void set_clock_by(const std::vector<std::string>& servers, const BootLog& log) {
    for (const std::string& server : servers) {
        Result<std::int64_t> offset = ask_server(server);
        if (!offset) {
            log.warning(offset.error().to_string());
            continue;
        }
        std::string by = seconds_text(std::llabs(*offset) / (second_ns / 1000));
        if (std::llabs(*offset) < step_from_ns)
            return log.info("clock is right by " + server + " (off by " + by + ")");
        if (Status status = set_clock(now_ns() + *offset); !status)
            return log.warning(status.error().to_string());
        return log.info("clock set by " + server + ": it was " + by +
                        (*offset > 0 ? " slow" : " fast"));
    }
    log.warning("no time server answered; the clock stays as it is");
}

}  // namespace

Status apply_clock_floor(std::int64_t built, const BootLog& log) {
    if (built <= now_ns() / second_ns) return {};
    OSIEKIT_TRY(set_clock(built * second_ns));
    log.warning("the clock was before the day this image was built; set to that day");
    return {};
}

std::string sntp_request(std::uint64_t cookie) {
    ByteWriter writer;
    writer.u8(client_request);
    writer.zeros(sntp_packet - 1 - 8);
    // The field of our own time; the server repeats it, and need not know our clock.
    writer.u32(static_cast<std::uint32_t>(cookie >> 32U));
    writer.u32(static_cast<std::uint32_t>(cookie));
    return std::move(writer.bytes());
}

Result<std::int64_t> parse_sntp_reply(std::string_view bytes, std::uint64_t cookie) {
    auto refuse = [](const char* why) {
        return Error(ErrorKind::invalid_input, std::string("unusable SNTP answer: ") + why);
    };
    if (bytes.size() < sntp_packet) return refuse("too short");
    ByteReader reader(bytes);
    std::uint8_t first = reader.u8();
    std::uint8_t stratum = reader.u8();
    reader.take(22);
    std::uint64_t repeated = std::uint64_t{reader.u32()} << 32U;
    repeated |= reader.u32();
    reader.take(8);
    std::uint64_t seconds = reader.u32();
    std::uint64_t fraction = reader.u32();
    if ((first & 7U) != server_mode) return refuse("not from a server");
    if (repeated != cookie) return refuse("not an answer to our request");
    if (first >> 6U == not_synchronised || stratum == 0 || stratum > last_stratum)
        return refuse("the server does not know the time itself");
    if (seconds == 0) return refuse("no time in it");
    // The 32 bits wrap in 2036; times before 1968 are meant to be after that.
    if ((seconds & 0x80000000U) == 0) seconds += 1ULL << 32U;
    return static_cast<std::int64_t>((seconds - seconds_1900_to_1970) * second_ns +
                                     (fraction * second_ns >> 32U));
}

void set_clock_in_background(std::vector<std::string> servers, const BootLog& log) {
    try {
        std::thread([servers = std::move(servers), &log] {
            try {
                set_clock_by(servers, log);
            } catch (const std::exception& failure) {
                log.warning(std::string("setting the clock: ") + failure.what());
            }
        }).detach();
    } catch (const std::exception& failure) {
        log.warning(std::string("setting the clock: ") + failure.what());
    }
}

}  // namespace osiekit::init
