#include "init/network/dhcp_socket.hpp"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "lib/dhcp/udp_frame.hpp"

namespace osiekit::init {
namespace {

constexpr std::size_t largest_frame = 65536;
constexpr std::uint32_t accept_all = 0x40000;

// Lets only unfragmented UDP to port 68 through, so that other traffic does not wake PID 1.
Status attach_filter(int fd) {
    std::array<sock_filter, 9> program = {{
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),  // protocol
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 6),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),  // fragment bits
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x3fff, 4, 0),
        BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),  // length of the IP header
        BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),   // destination port
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, dhcp::client_port, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, accept_all),
        BPF_STMT(BPF_RET | BPF_K, 0),
    }};
    sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    if (::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0)
        return Error::from_errno("filtering for DHCP packets");
    return {};
}

// Whether the kernel vouches for the UDP checksum of a received packet.
bool checksum_valid(msghdr& message) {
    for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr;
         part = CMSG_NXTHDR(&message, part)) {
        if (part->cmsg_level != SOL_PACKET || part->cmsg_type != PACKET_AUXDATA) continue;
        tpacket_auxdata data{};
        std::memcpy(&data, CMSG_DATA(part), sizeof data);
        return (data.tp_status & TP_STATUS_CSUMNOTREADY) == 0;
    }
    return true;
}

}  // namespace

Result<DhcpSocket> DhcpSocket::open(int interface_index) {
    // Protocol 0: nothing is received before the filter and the interface are set.
    Fd fd(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return Error::from_errno("opening a packet socket");
    OSIEKIT_TRY(attach_filter(fd.get()));
    int on = 1;
    ::setsockopt(fd.get(), SOL_PACKET, PACKET_AUXDATA, &on, sizeof on);
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETHERTYPE_IP);
    address.sll_ifindex = interface_index;
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return Error::from_errno("binding a packet socket");
    return DhcpSocket(interface_index, std::move(fd));
}

Status DhcpSocket::send(const DhcpClient::Outgoing& outgoing) const {
    OSIEKIT_ASSIGN(std::string payload, dhcp::build(outgoing.packet));
    if (outgoing.destination != Ipv4(255, 255, 255, 255)) return send_udp(payload, outgoing);
    return send_raw(dhcp::encode_udp(
        {outgoing.source, outgoing.destination, dhcp::client_port, dhcp::server_port}, payload));
}

Status DhcpSocket::send_raw(const std::string& frame) const {
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETHERTYPE_IP);
    address.sll_ifindex = index_;
    address.sll_halen = ETH_ALEN;
    std::memset(address.sll_addr, 0xff, ETH_ALEN);
    if (::sendto(packet_.get(), frame.data(), frame.size(), 0,
                 reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0)
        return Error::from_errno("sending a DHCP packet");
    return {};
}

Status DhcpSocket::send_udp(const std::string& payload,
                            const DhcpClient::Outgoing& outgoing) const {
    Fd udp(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!udp) return Error::from_errno("opening a socket");
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_port = htons(dhcp::client_port);
    own.sin_addr.s_addr = htonl(outgoing.source.value());
    sockaddr_in server = own;
    server.sin_port = htons(dhcp::server_port);
    server.sin_addr.s_addr = htonl(outgoing.destination.value());
    int on = 1;
    ::setsockopt(udp.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(udp.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own) != 0 ||
        ::sendto(udp.get(), payload.data(), payload.size(), 0,
                 reinterpret_cast<const sockaddr*>(&server), sizeof server) < 0)
        return Error::from_errno("renewing the lease at " + outgoing.destination.to_string());
    // The answer is read from the packet socket.
    return {};
}

void DhcpSocket::receive(const std::function<void(const dhcp::Packet&)>& each) const {
    std::string buffer(largest_frame, '\0');
    for (;;) {
        std::array<char, 256> control{};
        iovec part{buffer.data(), buffer.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        ssize_t size = ::recvmsg(packet_.get(), &message, 0);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return;
        auto frame = dhcp::decode_udp({buffer.data(), static_cast<std::size_t>(size)},
                                      checksum_valid(message));
        if (!frame || frame->ends.source_port != dhcp::server_port) continue;
        if (auto packet = dhcp::parse(frame->payload)) each(*packet);
    }
}

}  // namespace osiekit::init
