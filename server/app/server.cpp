#include "server/app/server.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "lib/base/file.hpp"
#include "server/app/boot.hpp"
#include "server/app/event_log.hpp"
#include "server/rpc/grpc_server.hpp"

namespace osiekit::server {

// Members end in reverse order: netboot first, as it calls the others.
struct OsieServer::Parts {
    Settings settings;
    Logger log;
    Fd lock;
    std::unique_ptr<Store> store;
    std::unique_ptr<LogStore> logs;
    std::unique_ptr<Engine> engine;
    std::unique_ptr<GrpcServer> grpc;
    std::unique_ptr<EventLog> events;
    std::unique_ptr<netboot::NetbootServer> netboot;
};

namespace {

// The folder, private as the database may hold secrets, and its lock: two servers on one database
// would hand the same work out twice.
Result<Fd> take_data_folder(const std::filesystem::path& folder) {
    std::error_code error;
    bool made = std::filesystem::create_directories(folder, error);
    if (error)
        return Error(ErrorKind::io,
                     "making the folder " + folder.string() + ": " + error.message());
    if (made && ::chmod(folder.c_str(), 0700) != 0)
        return Error::from_errno("setting the mode of " + folder.string());
    OSIEKIT_ASSIGN(Fd lock, open_file(folder / "lock", O_RDWR | O_CREAT, 0600));
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
        return Error(ErrorKind::refused, "the folder " + folder.string() + " is in use")
            .hint("another osie-server runs with it; stop that one or give another --data");
    return lock;
}

Event to_event(const netboot::NetbootEvent& from) {
    Event event;
    event.kind = from.kind;
    if (from.mac) event.mac = from.mac->to_string();
    event.text = from.text;
    return event;
}

netboot::Settings netboot_settings(const Settings& settings, std::uint16_t grpc_port) {
    netboot::Settings out;
    out.interface = settings.interface;
    out.address = Ipv4::parse(settings.address).value_or(Ipv4());
    out.dhcp_enabled = settings.dhcp;
    out.tftp_enabled = settings.tftp;
    out.dhcp_port = settings.dhcp_port;
    out.tftp_port = settings.tftp_port;
    out.http_port = settings.http_port;
    out.ipxe_dir = settings.ipxe_dir;
    out.osie_dir = settings.osie_dir;
    out.grpc_authority = settings.grpc_authority;
    if (out.grpc_authority.empty())
        out.grpc_authority = settings.address + ":" + std::to_string(grpc_port);
    out.syslog_host = settings.syslog_host;
    out.extra_kernel_arguments = settings.kernel_args;
    return out;
}

}  // namespace

OsieServer::OsieServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

OsieServer::~OsieServer() = default;

Result<std::unique_ptr<OsieServer>> OsieServer::start(const Settings& settings, Logger log) {
    OSIEKIT_TRY(check_settings(settings));
    auto owner = std::unique_ptr<OsieServer>(new OsieServer(std::make_unique<Parts>()));
    Parts& parts = *owner->parts_;
    parts.settings = settings;
    parts.log = log;
    OSIEKIT_ASSIGN(parts.lock, take_data_folder(settings.data_dir));
    OSIEKIT_ASSIGN(parts.store, Store::open(settings.data_dir / "osie-server.db"));
    OSIEKIT_ASSIGN(parts.logs, LogStore::open(settings.data_dir / "logs.db"));
    parts.engine = std::make_unique<Engine>(*parts.store, system_time,
                                            [] { return make_ulid(system_time()); });
    GrpcSettings grpc{settings.grpc_listen, settings.grpc_port,
                      std::chrono::seconds(settings.hold_seconds)};
    OSIEKIT_ASSIGN(parts.grpc, GrpcServer::start(grpc, *parts.engine, *parts.logs, parts.log));
    parts.events = std::make_unique<EventLog>(*parts.engine, parts.log);
    if (!settings.netboot) return owner;
    auto lookup = [&parts](const MacAddress& mac) -> std::optional<netboot::Machine> {
        auto machine = look_up(*parts.store, mac);
        if (machine) return *machine;
        parts.log.error("looking up " + mac.to_string() + ": " + machine.error().to_string());
        return std::nullopt;
    };
    auto sink = [&parts](const netboot::NetbootEvent& event) {
        parts.events->post(to_event(event));
    };
    OSIEKIT_ASSIGN(parts.netboot,
                   netboot::NetbootServer::start(netboot_settings(settings, parts.grpc->port()),
                                                 std::move(lookup), std::move(sink), parts.log));
    return owner;
}

std::uint16_t OsieServer::grpc_port() const {
    return parts_->grpc->port();
}

std::string OsieServer::listeners() const {
    const Settings& settings = parts_->settings;
    std::string text = "gRPC on " + settings.grpc_listen + ":" + std::to_string(grpc_port());
    if (!parts_->netboot) return text;
    auto ports = parts_->netboot->ports();
    text += ", HTTP on " + settings.address + ":" + std::to_string(ports.http);
    if (ports.dhcp != 0) text += ", DHCP on port " + std::to_string(ports.dhcp);
    if (ports.tftp != 0) text += ", TFTP on port " + std::to_string(ports.tftp);
    return text;
}

}  // namespace osiekit::server
