#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/log.hpp"
#include "lib/base/result.hpp"
#include "lib/dhcp/address.hpp"

namespace osiekit::netboot {

// What the machine is to do at this boot; the main program's boot rule decides.
enum class BootTarget {
    osie,        // start the installation environment
    local_disk,  // leave iPXE, so that the firmware goes on to the disk
};

constexpr std::uint32_t default_lease_seconds = 24 * 60 * 60;

// All that netbooting needs to know of one hardware record. Empty text and 0.0.0.0 mean "not
// given". Texts come from users: what cannot be put safely into a boot script is refused there.
struct Machine {
    MacAddress mac;
    Ipv4 address;
    Ipv4 netmask;
    Ipv4 gateway;
    std::string hostname;
    std::string domain;
    std::vector<std::string> domain_search;
    std::vector<Ipv4> name_servers;
    std::vector<Ipv4> time_servers;
    std::uint32_t lease_seconds = 0;  // 0 becomes default_lease_seconds

    bool allow_pxe = true;  // false: an address, and nothing to boot
    BootTarget boot = BootTarget::osie;

    // Instead of our script: chain to this URL, or run this text. The URL wins.
    std::string ipxe_script_url;
    std::string ipxe_script_text;
    // Instead of the server's own: a file of --ipxe-dir, the folder's URL, and names below it.
    std::string ipxe_binary;
    std::string base_url;
    std::string kernel;
    std::string initrd;
    std::string extra_kernel_arguments;  // after the operator's

    std::string vlan_id;
    std::string facility;
    std::string worker_id;  // empty: the MAC
    std::string arch;       // x86_64 (also when empty), aarch64
};

// Called from the library's threads, several at once; must answer from memory or in a few
// milliseconds. nullopt: unknown machine, which gets no answer.
using MachineLookup = std::function<std::optional<Machine>(const MacAddress&)>;

// One thing that happened at the boot of a machine. Kinds: "dhcp.offer", "dhcp.ack", "dhcp.nak",
// "dhcp.inform", "dhcp.release", "dhcp.decline", "dhcp.unknown", "ra.sent", "tftp.read",
// "tftp.done", "tftp.failed", "http.script", "http.file", "http.done",
// "http.failed", "http.binary". That a script was fetched
// is no proof that the machine booted it.
struct NetbootEvent {
    std::optional<MacAddress> mac;  // absent where only an address is known
    std::string kind;
    std::string text;  // for people; foreign bytes are already made printable
};

// Called from the library's threads, several at once.
using EventSink = std::function<void(const NetbootEvent&)>;

struct HttpQuery {
    std::string method;  // GET or HEAD
    std::string path;    // decoded, begins with '/'
    std::string query;   // after '?', as it came
    Ipv4 peer;
};

struct HttpAnswer {
    int status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::string body;  // not sent for HEAD
    std::vector<std::pair<std::string, std::string>> headers;
};

using HttpHandler = std::function<HttpAnswer(const HttpQuery&)>;

struct Settings {
    // The interface to serve. Empty: no binding to a device and no router advertisements, for tests
    // on loopback.
    std::string interface;
    // Our address: the one machines reach us at, and option 54.
    Ipv4 address;

    bool dhcp_enabled = true;
    bool tftp_enabled = true;
    // 0: a free port is picked, see Ports.
    std::uint16_t dhcp_port = 67;
    std::uint16_t tftp_port = 69;
    std::uint16_t http_port = 7080;
    // Where clients and relays listen; other than the standard only in tests.
    std::uint16_t dhcp_client_port = 68;
    std::uint16_t dhcp_relay_port = 67;
    // Answer the router solicitations of iPXE clients with an empty advertisement (saves 16 s a
    // stage with Debian's iPXE). Needs CAP_NET_RAW; without it a warning is logged.
    bool router_advertisements = true;

    std::filesystem::path ipxe_dir = "/usr/lib/ipxe";
    std::filesystem::path osie_dir;  // holds vmlinuz and initramfs

    // What machines are told, where it differs from address and ports (NAT, another network).
    std::string public_http_url;  // "http://192.0.2.1:7080"; empty: from address and port
    std::string grpc_authority;   // "IP:42113"; empty: address and port 42113
    bool tinkerbell_tls = false;
    std::string syslog_host;
    std::string modules = "loop,squashfs,sd-mod,usb-storage";
    // Only where neither the operator's nor the record's arguments have a console=.
    std::vector<std::string> consoles = {"tty0", "ttyS1,115200"};
    std::string extra_kernel_arguments;  // the operator's --kernel-args
    std::string kernel = "vmlinuz";
    std::string initrd = "initramfs";
    unsigned script_retries = 10;     // per download
    unsigned script_retry_delay = 2;  // seconds
    std::function<bool()> healthy;    // for /healthz, besides our own listeners; may be empty
};

struct Ports {
    std::uint16_t dhcp = 0;  // 0: not enabled
    std::uint16_t tftp = 0;
    std::uint16_t http = 0;
};

// DHCP, TFTP, HTTP and router advertisements of one interface, on threads of their own.
class NetbootServer {
  public:
    // Opens every socket and reads the iPXE binaries before it returns; on failure nothing is left
    // running. The lookup and the sink must outlive the server.
    static Result<std::unique_ptr<NetbootServer>> start(Settings settings, MachineLookup lookup,
                                                        EventSink sink, Logger logger);
    NetbootServer(const NetbootServer&) = delete;
    NetbootServer& operator=(const NetbootServer&) = delete;
    ~NetbootServer();  // stop()

    Ports ports() const;
    // Answers GET and HEAD of PREFIX itself and of everything below PREFIX + '/'; the longest
    // prefix wins and "/" catches the rest. Any time, any thread. The handler runs on an HTTP
    // thread: a few milliseconds at most. Our own paths (/ipxe, /osie, /healthz) go first.
    void add_handler(std::string prefix, HttpHandler handler);
    // Ends all transfers and joins the threads; harmless when repeated.
    void stop();

  private:
    struct State;
    explicit NetbootServer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace osiekit::netboot
