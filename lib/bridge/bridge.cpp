#include "lib/bridge/bridge.hpp"

#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"
#include "lib/bridge/messages.hpp"
#include "lib/bridge/nat_rules.hpp"
#include "lib/netlink/link.hpp"

namespace osiekit::bridge {
namespace {

constexpr const char* forward_file = "/proc/sys/net/ipv4/ip_forward";
constexpr std::string_view note_start = "osiekit sandbox, ip_forward was ";
constexpr const char* modules_hint =
    "the image needs the modules bridge, veth, nft_chain_nat, nft_masq and nft_ct "
    "(docs/sandbox.md)";

std::string name_of(std::uint32_t number) {
    return std::string(bridge_prefix) + std::to_string(number);
}

// The machine's end of the pair.
std::string port_of(const std::string& bridge) {
    return bridge + "p";
}

bool is_ours(const Link& link) {
    return link.name.rfind(bridge_prefix, 0) == 0 && read_bridge_note(link.alias).has_value();
}

// What the kernel answers where it lacks the kind of device, the table, chain or expression.
bool lacks_parts(const Error& error) {
    int number = error.error_number();
    return number == EOPNOTSUPP || number == EPROTONOSUPPORT || number == ENOENT ||
           number == EAFNOSUPPORT;
}

Error explained(Error error) {
    bool missing = lacks_parts(error) && error.hint().empty();
    return missing ? std::move(error).hint(modules_hint) : error;
}

// One process at a time sets networks up or takes them down, in this network namespace: the file is
// each namespace's own.
Result<Fd> lock_networks() {
    OSIEKIT_ASSIGN(Fd file, open_file(forward_file, O_RDONLY));
    while (::flock(file.get(), LOCK_EX) != 0)
        if (errno != EINTR) return Error::from_errno("locking " + std::string(forward_file));
    return file;
}

Result<bool> forwards() {
    OSIEKIT_ASSIGN(std::string text, read_file(forward_file));
    return trim(text) != "0";
}

Status set_forwarding(bool on) {
    OSIEKIT_ASSIGN(bool now, forwards());
    if (now == on) return {};
    OSIEKIT_ASSIGN(Fd file, open_file(forward_file, O_WRONLY));
    return write_all(file.get(), on ? "1" : "0").context(std::string("writing ") + forward_file);
}

Status ask(NetlinkSocket& socket, NamedMessage request) {
    return socket.request(std::move(request.message)).context(request.what);
}

// One that is gone already is no error.
Status remove_if_there(NetlinkSocket& socket, const std::string& name) {
    Status done = ask(socket, remove_link(name));
    if (!done && done.error().error_number() == ENODEV) return {};
    return done;
}

Status change_rules(std::vector<NamedMessage> messages) {
    OSIEKIT_ASSIGN(NetlinkSocket socket, NetlinkSocket::open(NETLINK_NETFILTER));
    return socket.request_all(std::move(messages));
}

// The bridge goes last, as it is what the rest is found by.
Status remove_bridge(NetlinkSocket& socket, const std::string& name) {
    Status done = change_rules(remove_nat_rules(name));
    // A kernel without nf_tables holds no rules.
    if (!done && !lacks_parts(done.error())) return done;
    return remove_if_there(socket, name);
}

// Removes what is left over, and gives the bridges of ours that are in use.
Result<std::vector<Link>> sweep(NetlinkSocket& socket) {
    OSIEKIT_ASSIGN(auto links, list_links(socket));
    std::vector<Link> in_use;
    std::vector<Link> left;
    for (const Link& link : links) {
        if (!is_ours(link)) continue;
        bool used = std::any_of(links.begin(), links.end(),
                                [&](const Link& port) { return port.master == link.index; });
        (used ? in_use : left).push_back(link);
    }
    // All notes say the same: each took over what the ones before it said.
    if (in_use.empty() && !left.empty())
        OSIEKIT_TRY(set_forwarding(*read_bridge_note(left.front().alias)));
    for (const Link& link : left) OSIEKIT_TRY(remove_bridge(socket, link.name));
    return in_use;
}

Result<std::vector<Subnet>> used_subnets(NetlinkSocket& socket) {
    std::vector<Subnet> used;
    NamedMessage request = list_routes();
    Status done = socket.dump(std::move(request.message), [&](const NetlinkReply& reply) {
        if (reply.type != RTM_NEWROUTE) return;
        if (auto route = parse_route(reply.payload)) used.push_back(*route);
    });
    if (!done) return std::move(done).context(request.what).error();
    return used;
}

Result<Link> find_link(NetlinkSocket& socket, const std::string& name) {
    OSIEKIT_ASSIGN(auto links, list_links(socket));
    for (Link& link : links)
        if (link.name == name) return std::move(link);
    return Error(ErrorKind::not_found, "the interface " + name + " is gone");
}

// Link-local addresses would lead around the rules, which are about IPv4. Without IPv6 in the
// kernel there is no such file.
void switch_ipv6_off(const std::string& name) {
    Fd file(::open(("/proc/sys/net/ipv6/conf/" + name + "/disable_ipv6").c_str(),
                   O_WRONLY | O_CLOEXEC));
    if (file) static_cast<void>(write_all(file.get(), "1").ok());
}

}  // namespace

std::string bridge_note(bool forwarded_before) {
    return std::string(note_start) + (forwarded_before ? "1" : "0");
}

std::optional<bool> read_bridge_note(std::string_view note) {
    if (note.size() != note_start.size() + 1 || note.rfind(note_start, 0) != 0) return std::nullopt;
    if (note.back() != '0' && note.back() != '1') return std::nullopt;
    return note.back() == '1';
}

Bridge::Bridge(Bridge&& other) noexcept
    : name_(std::exchange(other.name_, {})),
      subnet_(other.subnet_),
      lock_(std::move(other.lock_)) {}

Bridge::~Bridge() {
    static_cast<void>(remove().ok());
}

Ipv4 Bridge::gateway() const {
    return Ipv4(subnet_.address.value() + 1);
}

Ipv4 Bridge::inside() const {
    return Ipv4(subnet_.address.value() + 2);
}

Result<Bridge> Bridge::create() {
    OSIEKIT_ASSIGN(NetlinkSocket socket, NetlinkSocket::open(NETLINK_ROUTE));
    OSIEKIT_ASSIGN(Fd lock, lock_networks());
    OSIEKIT_ASSIGN(auto in_use, sweep(socket));
    OSIEKIT_ASSIGN(bool forwarded, forwards());
    if (!in_use.empty()) forwarded = *read_bridge_note(in_use.front().alias);
    OSIEKIT_ASSIGN(auto used, used_subnets(socket));
    auto resolvers = read_file("/etc/resolv.conf");
    for (Ipv4 address : name_servers(resolvers ? *resolvers : ""))
        used.push_back({address, address_bits});
    auto subnet = free_subnet(used);
    if (!subnet)
        return Error(ErrorKind::limit, "no subnet is free for an isolated network")
            .hint("all that it could have overlap with routes of this machine");
    OSIEKIT_ASSIGN(auto links, list_links(socket));
    for (std::uint32_t number = 0; number < most_bridges; ++number) {
        std::string name = name_of(number);
        bool taken = std::any_of(links.begin(), links.end(),
                                 [&](const Link& link) { return link.name == name; });
        if (taken) continue;
        Bridge bridge(name, *subnet, std::move(lock));  // from here on its destructor cleans up
        if (Status done = bridge.set_up(forwarded); !done) return explained(done.error());
        return bridge;
    }
    return Error(ErrorKind::limit, std::to_string(most_bridges) + " isolated networks are in use");
}

Status Bridge::set_up(bool forwarded_before) {
    OSIEKIT_ASSIGN(NetlinkSocket socket, NetlinkSocket::open(NETLINK_ROUTE));
    // In one system call: never a bridge of ours without its note.
    std::vector<NamedMessage> first;
    first.push_back(make_bridge(name_));
    first.push_back(set_note(name_, bridge_note(forwarded_before)));
    OSIEKIT_TRY(socket.request_all(std::move(first)));
    OSIEKIT_ASSIGN(Link link, find_link(socket, name_));
    switch_ipv6_off(name_);
    // The rules first: forwarding is on only where they hold.
    OSIEKIT_TRY(change_rules(
        add_nat_rules({name_, subnet_.address, subnet_.prefix_length, !forwarded_before})));
    OSIEKIT_TRY(ask(socket, set_address(link.index, gateway(), subnet_.prefix_length)));
    OSIEKIT_TRY(ask(socket, switch_on(link.index)));
    return set_forwarding(true);
}

Status Bridge::attach(pid_t process) {
    OSIEKIT_ASSIGN(NetlinkSocket socket, NetlinkSocket::open(NETLINK_ROUTE));
    OSIEKIT_ASSIGN(Link link, find_link(socket, name_));
    Status done = ask(socket, make_pair(port_of(name_), link.index, process));
    if (!done) return explained(done.error());
    // The waiting process has a copy of the descriptor.
    ::flock(lock_.get(), LOCK_UN);
    lock_.reset();
    return {};
}

Status Bridge::remove() {
    if (name_.empty()) return {};
    std::string name = std::exchange(name_, {});
    OSIEKIT_ASSIGN(NetlinkSocket socket, NetlinkSocket::open(NETLINK_ROUTE));
    Fd lock = std::move(lock_);
    if (!lock) {
        OSIEKIT_ASSIGN(lock, lock_networks());
    }
    // Without a port it is what sweep() removes, in the order that leaves nothing half-done.
    OSIEKIT_TRY(remove_if_there(socket, port_of(name)));
    OSIEKIT_TRY(sweep(socket));
    return {};
}

Status remove_left_bridges() {
    OSIEKIT_ASSIGN(NetlinkSocket socket, NetlinkSocket::open(NETLINK_ROUTE));
    OSIEKIT_ASSIGN(Fd lock, lock_networks());
    OSIEKIT_TRY(sweep(socket));
    return {};
}

}  // namespace osiekit::bridge
