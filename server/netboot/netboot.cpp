#include "server/netboot/netboot.hpp"

#include <arpa/inet.h>

#include <filesystem>

#include "lib/base/text.hpp"
#include "server/netboot/dhcp/listener.hpp"
#include "server/netboot/http/server.hpp"
#include "server/netboot/ra/responder.hpp"
#include "server/netboot/routes.hpp"
#include "server/netboot/seen.hpp"
#include "server/netboot/tftp/server.hpp"

namespace osiekit::netboot {
namespace {

constexpr std::uint16_t default_grpc_port = 42113;

}  // namespace

struct NetbootServer::State {
    // The parts below hold references to the members above them.
    Settings settings;
    MachineLookup lookup;
    EventSink sink;
    Logger logger;
    ipxe::Binaries binaries;
    SeenMachines seen;
    std::unique_ptr<Routes> routes;
    std::unique_ptr<web::Server> http;
    std::unique_ptr<tftp::Server> tftp;
    std::unique_ptr<ra::Responder> advertisements;
    std::unique_ptr<DhcpListener> dhcp;

    Status check_settings();
    Status start_http();
    Status start_tftp();
    void start_advertisements();
    Status start_dhcp();
    void stop();
};

Status NetbootServer::State::check_settings() {
    if (settings.address.is_zero())
        return Error(ErrorKind::invalid_input, "the server's address is not given")
            .hint("name the address that machines reach this server at: --address");
    std::error_code ignored;
    if (!settings.osie_dir.empty() && !std::filesystem::is_directory(settings.osie_dir, ignored))
        return Error(ErrorKind::not_found, "no folder " + settings.osie_dir.string())
            .context("looking for the installation environment")
            .hint("--osie names the folder that `osiekit build --out` wrote");
    for (const auto& name : {settings.kernel, settings.initrd})
        if (!settings.osie_dir.empty() &&
            !std::filesystem::is_regular_file(settings.osie_dir / name, ignored))
            logger.warning("no file " + (settings.osie_dir / name).string() +
                           " yet: machines will retry until it is there");
    return {};
}

Status NetbootServer::State::start_http() {
    routes = std::make_unique<Routes>(settings, binaries, lookup, sink, seen, logger);
    auto usable = routes->check_image();
    if (!usable)
        logger.warning("no machine can boot the image of " + settings.osie_dir.string() +
                       " yet: " + usable.error().to_string());
    auto delivered = [this](const HttpQuery& query, const web::Delivery& delivery) {
        if (query.path.rfind("/osie/", 0) != 0 || query.method == "HEAD") return;
        sink({seen.by_address(query.peer), delivery.complete ? "http.done" : "http.failed",
              printable(query.path.substr(6)) + ", " + human_size(delivery.bytes) + " in " +
                  std::to_string(delivery.took.count()) + " ms, to " + query.peer.to_string()});
    };
    OSIEKIT_ASSIGN(http, web::Server::open({settings.address, settings.http_port}));
    const std::string host = settings.address.to_string();
    if (settings.public_http_url.empty())
        settings.public_http_url = "http://" + host + ":" + std::to_string(http->port());
    if (settings.grpc_authority.empty())
        settings.grpc_authority = host + ":" + std::to_string(default_grpc_port);
    http->start([this](const HttpQuery& query) { return routes->serve(query); }, delivered);
    return {};
}

Status NetbootServer::State::start_tftp() {
    tftp::Server::Options options;
    options.address.s_addr = htonl(settings.address.value());
    options.port = settings.tftp_port;
    options.interface = settings.interface;
    auto files = [this](const tftp::FileName& name) { return binaries.find(name.base); };
    auto report = [this](std::string_view kind, const tftp::Client& client, std::string text) {
        auto mac = MacAddress::parse(client.name.folder);
        if (!mac) mac = seen.by_address(client.address);
        if (kind == "tftp.failed" && is_send_away_file(client.name.base))
            return sink({mac, "tftp.sent_away", std::move(text)});
        sink({mac, std::string(kind), std::move(text)});
    };
    OSIEKIT_ASSIGN(tftp, tftp::Server::start(options, files, report));
    return {};
}

void NetbootServer::State::start_advertisements() {
    if (!settings.router_advertisements || settings.interface.empty()) return;
    auto started = ra::Responder::start(settings.interface, seen, sink);
    if (started)
        advertisements = std::move(started).value();
    else
        logger.warning("no router advertisements for iPXE, each of its stages may wait 16 s: " +
                       started.error().to_string());
}

Status NetbootServer::State::start_dhcp() {
    OSIEKIT_ASSIGN(dhcp, DhcpListener::start(settings, binaries, lookup, sink, seen, logger));
    return {};
}

void NetbootServer::State::stop() {
    if (dhcp) dhcp->stop();
    if (advertisements) advertisements->stop();
    if (tftp) tftp->stop();
    if (http) http->stop();
}

Result<std::unique_ptr<NetbootServer>> NetbootServer::start(Settings settings, MachineLookup lookup,
                                                            EventSink sink, Logger logger) {
    auto state = std::make_unique<State>();
    state->settings = std::move(settings);
    state->lookup = std::move(lookup);
    state->sink = sink ? std::move(sink) : [](const NetbootEvent&) {};
    state->logger = logger;
    OSIEKIT_TRY(state->check_settings());
    OSIEKIT_ASSIGN(state->binaries, ipxe::Binaries::load(state->settings.ipxe_dir));
    // HTTP first, DHCP last: by the time that a machine gets an answer all the rest is there.
    OSIEKIT_TRY(state->start_http());
    if (state->settings.tftp_enabled) OSIEKIT_TRY(state->start_tftp());
    state->start_advertisements();
    if (state->settings.dhcp_enabled) OSIEKIT_TRY(state->start_dhcp());
    return std::unique_ptr<NetbootServer>(new NetbootServer(std::move(state)));
}

NetbootServer::NetbootServer(std::unique_ptr<State> state) : state_(std::move(state)) {}

NetbootServer::~NetbootServer() {
    stop();
}

Ports NetbootServer::ports() const {
    Ports ports;
    if (state_->dhcp) ports.dhcp = state_->dhcp->port();
    if (state_->tftp) ports.tftp = state_->tftp->port();
    ports.http = state_->http->port();
    return ports;
}

void NetbootServer::add_handler(std::string prefix, HttpHandler handler) {
    state_->routes->add(std::move(prefix), std::move(handler));
}

void NetbootServer::stop() {
    state_->stop();
}

}  // namespace osiekit::netboot
