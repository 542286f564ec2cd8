#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <ctime>
#include <memory>
#include <optional>

#include "agent/commands/doctor.hpp"
#include "agent/registries.hpp"
#include "lib/base/fd.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"
#include "lib/http/http_client.hpp"
#include "lib/oci/registry_client.hpp"

namespace osiekit::agent {
namespace {

constexpr std::chrono::milliseconds patience{5000};
// Tokens and certificates are valid for minutes at least.
constexpr double tolerable_skew_seconds = 120;

struct Endpoint {
    std::string host;
    std::string port;
};

// "host:port", "[v6]:port", "host".
Endpoint endpoint(std::string_view text, const char* default_port) {
    std::size_t bracket = text.rfind(']');
    std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos || (bracket != std::string_view::npos && colon < bracket)) {
        colon = text.size();
    }
    Endpoint result{std::string(text.substr(0, colon)), default_port};
    if (colon < text.size()) result.port = std::string(text.substr(colon + 1));
    if (result.host.size() > 2 && result.host.front() == '[')
        result.host = result.host.substr(1, result.host.size() - 2);
    return result;
}

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Result<Addresses> resolve(const Endpoint& where) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* list = nullptr;
    int failure = ::getaddrinfo(where.host.c_str(), where.port.c_str(), &hints, &list);
    if (failure != 0)
        return Error(ErrorKind::network,
                     "looking up " + printable(where.host) + ": " + ::gai_strerror(failure));
    return Addresses(list, ::freeaddrinfo);
}

// Connects and hangs up.
Status connect_to(const Endpoint& where) {
    OSIEKIT_ASSIGN(Addresses addresses, resolve(where));
    int error = EADDRNOTAVAIL;
    for (const addrinfo* each = addresses.get(); each != nullptr; each = each->ai_next) {
        Fd fd(::socket(each->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (!fd) {
            error = errno;
            continue;
        }
        if (::connect(fd.get(), each->ai_addr, each->ai_addrlen) == 0) return {};
        error = errno;
        if (error != EINPROGRESS) continue;
        pollfd wanted{fd.get(), POLLOUT, 0};
        if (::poll(&wanted, 1, static_cast<int>(patience.count())) <= 0) {
            error = ETIMEDOUT;
            continue;
        }
        socklen_t length = sizeof error;
        ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &length);
        if (error == 0) return {};
    }
    return Error::from_errno("connecting to " + where.host + ", port " + where.port, error);
}

Finding of(const Status& status, std::string good, std::string hint) {
    if (status) return Finding::ok(std::move(good));
    return Finding::bad(status.error().to_string(), std::move(hint));
}

Finding dns(const Settings& settings) {
    auto resolv = read_file("/etc/resolv.conf");
    std::string servers;
    if (resolv)
        for (std::string_view line : split(*resolv, '\n')) {
            auto words = split_words(line);
            if (words.size() > 1 && words[0] == "nameserver")
                servers += (servers.empty() ? "" : ", ") + std::string(words[1]);
        }
    std::vector<std::string> names;
    if (!settings.server.empty()) names.push_back(endpoint(settings.server, "42113").host);
    if (!settings.registry.empty()) names.push_back(endpoint(settings.registry, "443").host);
    for (const std::string& name : names) {
        auto found = resolve({name, "0"});
        if (!found)
            return Finding::bad(found.error().to_string(),
                                servers.empty()
                                    ? "/etc/resolv.conf names no server: does DHCP give one?"
                                    : "asked " + servers + ": does it know the name?");
    }
    if (servers.empty())
        return Finding::warn("/etc/resolv.conf names no server",
                             "only addresses can be used, no names");
    return Finding::ok("asking " + servers);
}

Finding server(const Settings& settings) {
    if (settings.server.empty())
        return Finding::warn("no workflow server was given", "give --grpc-server HOST:PORT");
    return of(connect_to(endpoint(settings.server, "42113")),
              "something listens at " + printable(settings.server),
              "is the server up, and may this machine reach it?");
}

Result<oci::RegistryClient::Probe> ask_registry(const Settings& settings) {
    OSIEKIT_ASSIGN(auto options, registry_options(settings));
    return oci::RegistryClient(std::move(options)).probe(settings.registry, patience);
}

Finding registry(const Settings& settings) {
    if (settings.registry.empty())
        return Finding::warn("no registry was given",
                             "give --registry-name HOST[:PORT] to have it checked");
    auto answer = ask_registry(settings);
    if (!answer)
        return Finding::bad(
            answer.error().to_string(),
            "is it up? Plain HTTP needs --insecure-registries " + printable(settings.registry));
    // 401 is how a registry asks for credentials.
    std::string who = printable(settings.registry);
    if (answer->host != settings.registry) who = printable(answer->host) + ", for " + who + ",";
    long status = answer->answer.status;
    if (status == 200 || status == 401) return Finding::ok(who + " answers");
    return Finding::bad(who + " answers with status " + std::to_string(status),
                        "is that a registry (OCI distribution, /v2/)?");
}

// The registry's clock beside ours.
Finding skew(const Settings& settings) {
    if (settings.registry.empty())
        return Finding::warn("no registry was given whose clock could be compared",
                             "give --registry-name HOST[:PORT]");
    auto asked = ask_registry(settings);
    std::optional<std::int64_t> theirs;
    if (asked)
        if (auto date = asked->answer.headers.find("date"); date != asked->answer.headers.end())
            theirs = http::parse_date(date->second);
    if (!theirs)
        return Finding::warn("the registry does not say what time it has",
                             "compare the clock by hand");
    double difference = std::difftime(std::time(nullptr), static_cast<std::time_t>(*theirs));
    auto seconds = std::to_string(std::lround(std::fabs(difference)));
    if (std::fabs(difference) <= tolerable_skew_seconds)
        return Finding::ok("within " + seconds + " s of the registry's clock");
    return Finding::bad(
        "this clock is " + seconds + " s " + (difference > 0 ? "ahead of" : "behind") +
            " the registry's",
        "tokens and certificates may not be believed; set the clock, or give an NTP server");
}

Finding syslog(const Settings& settings) {
    if (settings.syslog_host.empty()) return Finding::ok("no remote log was asked for");
    auto found = resolve({settings.syslog_host, std::to_string(settings.syslog_port)});
    if (found)
        return Finding::ok("logs go to " + printable(settings.syslog_host) + ", port " +
                           std::to_string(settings.syslog_port));
    return Finding::bad(found.error().to_string(), "logs will not get there");
}

}  // namespace

std::vector<Check> network_checks() {
    return {{"dns", dns},
            {"server", server},
            {"registry", registry},
            {"clock-skew", skew},
            {"syslog", syslog}};
}

}  // namespace osiekit::agent
