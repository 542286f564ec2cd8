#include "init/network/network.hpp"

#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <utility>

#include "lib/base/file.hpp"

namespace osiekit::init {
namespace {

constexpr std::size_t event_size = 32768;
// Drivers of server cards take seconds to find their firmware.
constexpr Milliseconds patience_with_mac = std::chrono::seconds(10);
constexpr Milliseconds first_word = std::chrono::seconds(5);
constexpr Milliseconds later_words = std::chrono::seconds(30);

std::string vlan_name(const Link& parent, std::uint16_t id) {
    constexpr std::size_t longest_name = 15;
    std::string name = parent.name + "." + std::to_string(id);
    return name.size() <= longest_name ? name : "vlan" + std::to_string(id);
}

}  // namespace

Network::Network(EventLoop& loop, const BootLog& log, const Settings& settings, OnUp on_up)
    : loop_(loop),
      log_(log),
      settings_(settings),
      on_up_(std::move(on_up)),
      mac_(settings.hw_addr),
      vlan_id_(settings.vlan_id) {
    if (!settings.ipam) return;
    mac_ = settings.ipam->mac;
    vlan_id_ = settings.ipam->vlan_id;
}

Network::~Network() {
    if (events_) loop_.unwatch(events_.get());
    loop_.cancel(fallback_timer_);
    loop_.cancel(waiting_timer_);
}

Status Network::start() {
    OSIEKIT_ASSIGN(NetlinkSocket route, NetlinkSocket::open(NETLINK_ROUTE));
    route_.emplace(std::move(route));
    OSIEKIT_ASSIGN(events_, open_link_events());
    OSIEKIT_TRY(loop_.watch(events_.get(), [this] { read_link_events(); }));
    if (mac_) fallback_timer_ = loop_.after(patience_with_mac, [this] { settle_for_any(); });
    waiting_timer_ = loop_.after(first_word, [this] { say_waiting(); });
    list_again();
    return {};
}

void Network::list_again() {
    Result<std::vector<Link>> links = list_links(*route_);
    if (!links) return log_.warning(links.error().to_string());
    for (const Link& link : *links) on_link(link);
}

void Network::read_link_events() {
    std::string buffer(event_size, '\0');
    for (;;) {
        ssize_t size = ::recv(events_.get(), buffer.data(), buffer.size(), 0);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && errno == ENOBUFS) {
            list_again();  // the kernel had to drop some
            continue;
        }
        if (size < 0) return;
        for (const NetlinkReply& reply :
             parse_netlink({buffer.data(), static_cast<std::size_t>(size)})) {
            std::optional<Link> link = parse_link(reply.payload);
            if (!link) continue;
            if (reply.type == RTM_NEWLINK) on_link(*link);
            if (reply.type == RTM_DELLINK) on_link_gone(link->index);
        }
    }
}

bool Network::is_parent(const Link& link) const {
    return link.hardware && link.ethernet && (!mac_ || link.mac == *mac_);
}

bool Network::wanted(const Link& link) const {
    if (!vlan_id_) return is_parent(link);
    if (link.hardware) return false;
    for (const auto& [index, parent] : interfaces_)
        if (parent.vlan_made && link.name == vlan_name(parent.link, *vlan_id_)) return true;
    return false;
}

void Network::switch_on(Interface& interface) {
    if (Status status = set_link_up(*route_, interface.link.index); !status)
        log_.warning(interface.link.name + ": " + status.error().to_string());
}

void Network::on_link(const Link& link) {
    bool is_new = interfaces_.count(link.index) == 0;
    Interface& interface = interfaces_[link.index];
    bool carrier_before = interface.link.carrier;
    bool up_before = interface.link.up;
    interface.link = link;
    bool ours = (link.hardware && link.ethernet) || wanted(link);
    if (is_new && (ours || link.name == "lo")) switch_on(interface);
    if (!ours) return;
    if (is_new)
        log_.debug(link.name + " is there, " + link.mac.to_string());
    else if (up_before && link.carrier != carrier_before)
        log_.info(link.name + (link.carrier ? ": link is up" : ": link is down"));
    if (!link.carrier) {
        if (interface.session) interface.session->link_lost();
        return;
    }
    if (vlan_id_ && is_parent(link) && !interface.vlan_made) {
        interface.vlan_made = true;
        Status status = add_vlan(*route_, link.index, vlan_name(link, *vlan_id_), *vlan_id_);
        if (!status) log_.error(status.error().to_string());
    }
    if (wanted(link)) configure(interface);
}

void Network::on_link_gone(int index) {
    auto it = interfaces_.find(index);
    if (it == interfaces_.end()) return;
    log_.warning(it->second.link.name + " is gone");
    interfaces_.erase(it);
    if (current_ == index) lost(index);
}

void Network::configure(Interface& interface) {
    if (settings_.ipam) {
        if (!interface.applied && !current_) {
            current_ = interface.link.index;
            apply(interface, settings_.ipam->network);
        }
        return;
    }
    if (interface.session)
        interface.session->link_changed();
    else if (!current_)
        start_dhcp(interface);
}

void Network::start_dhcp(Interface& interface) {
    int index = interface.link.index;
    interface.session = std::make_unique<DhcpSession>(
        loop_, log_, interface.link,
        [this, index](const DhcpClient::Event& event) { on_dhcp(index, event); });
    if (Status status = interface.session->start(); !status) {
        log_.error(interface.link.name + ": " + status.error().to_string());
        interface.session.reset();
    }
}

void Network::on_dhcp(int index, const DhcpClient::Event& event) {
    auto it = interfaces_.find(index);
    if (it == interfaces_.end()) return;
    Interface& interface = it->second;
    switch (event.kind) {
        case DhcpClient::Event::Kind::refused:
            log_.warning(interface.link.name + ": the DHCP server refuses" +
                         (event.text.empty() ? "" : ": " + event.text));
            break;
        case DhcpClient::Event::Kind::lost:
            log_.warning(interface.link.name + ": the address " + event.packet.yiaddr.to_string() +
                         " is no longer ours");
            lost(index);
            break;
        case DhcpClient::Event::Kind::gained:
        case DhcpClient::Event::Kind::renewed:
            gained(index, event);
            break;
    }
}

void Network::gained(int index, const DhcpClient::Event& event) {
    Interface& interface = interfaces_.at(index);
    if (current_ && *current_ != index) return;  // another one was first
    current_ = index;
    for (auto& [other, entry] : interfaces_)
        if (other != index) entry.session.reset();
    NetworkConfig config = config_of(event.packet);
    if (interface.applied == config)
        log_.debug(interface.link.name + ": lease renewed");
    else
        apply(interface, config);
}

void Network::lost(int index) {
    auto it = interfaces_.find(index);
    if (it != interfaces_.end() && it->second.applied) {
        if (Status status = remove_address(*route_, index, *it->second.applied); !status)
            log_.warning(status.error().to_string());
        it->second.applied.reset();
    }
    if (current_ != index) return;
    current_.reset();
    // Every interface may try again.
    for (auto& [other, entry] : interfaces_)
        if (entry.link.carrier && wanted(entry.link) && !entry.session) configure(entry);
}

void Network::apply(Interface& interface, const NetworkConfig& config) {
    std::string name = interface.link.name;
    if (interface.applied && interface.applied->address != config.address)
        if (Status status = remove_address(*route_, interface.link.index, *interface.applied);
            !status)
            log_.warning(status.error().to_string());
    std::vector<std::string> problems;
    if (Status status = apply_config(*route_, interface.link.index, config, problems); !status)
        return log_.error(name + ": " + status.error().to_string());
    for (const std::string& problem : problems) log_.warning(name + ": " + problem);
    interface.applied = config;
    loop_.cancel(fallback_timer_);
    loop_.cancel(waiting_timer_);
    on_up_({name, config, interface.session ? interface.session->waited() : Milliseconds(0)});
}

void Network::settle_for_any() {
    for (const auto& [index, interface] : interfaces_)
        if (is_parent(interface.link)) return;
    log_.warning("no network interface has the address " + mac_->to_string() +
                 " that the kernel arguments name; trying all");
    mac_.reset();
    // What is there already gets another look.
    for (auto& [index, interface] : interfaces_) interface.vlan_made = false;
    list_again();
}

void Network::say_waiting() {
    std::string text;
    for (const auto& [index, interface] : interfaces_) {
        if (!interface.link.ethernet || (!interface.link.hardware && !wanted(interface.link)))
            continue;
        text += text.empty() ? "" : ", ";
        text += interface.link.name + " " + interface.link.mac.to_string() +
                (interface.link.carrier ? (interface.session ? " (no DHCP answer)" : " (not used)")
                                        : " (no link)");
    }
    log_.warning(
        "still waiting for the network: " +
        (text.empty() ? "there is no Ethernet interface; is its driver in the image?" : text));
    waiting_timer_ = loop_.after(later_words, [this] { say_waiting(); });
}

Result<std::string> write_network_files(const std::string& root, const NetworkConfig& config,
                                        const std::string& default_hostname) {
    std::string hostname = config.hostname.empty() ? default_hostname : config.hostname;
    std::string folder = root + "/etc";
    if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST)
        return Error::from_errno("making the folder " + folder);
    OSIEKIT_TRY(write_file(folder + "/resolv.conf", render_resolv_conf(config)));
    OSIEKIT_TRY(write_file(folder + "/hosts", render_hosts(hostname, config)));
    return hostname;
}

}  // namespace osiekit::init
