#include "lib/netlink/message.hpp"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

namespace osiekit {
namespace {

std::size_t aligned(std::size_t size) {
    return (size + 3U) & ~std::size_t{3};
}

}  // namespace

NetlinkMessage::NetlinkMessage(std::uint16_t type, std::uint16_t flags,
                               std::string_view fixed_part) {
    nlmsghdr header{};
    header.nlmsg_type = type;
    header.nlmsg_flags = static_cast<std::uint16_t>(flags | NLM_F_REQUEST);
    bytes_ = bytes_of(header);
    raw(fixed_part);
}

void NetlinkMessage::raw(std::string_view bytes) {
    bytes_ += bytes;
    bytes_.resize(aligned(bytes_.size()), '\0');
}

void NetlinkMessage::attribute(std::uint16_t type, std::string_view value) {
    rtattr header{};
    header.rta_type = type;
    header.rta_len = static_cast<std::uint16_t>(sizeof header + value.size());
    bytes_ += bytes_of(header);
    raw(value);
}

void NetlinkMessage::attribute_text(std::uint16_t type, std::string_view value) {
    attribute(type, std::string(value) + '\0');
}

void NetlinkMessage::attribute_u32(std::uint16_t type, std::uint32_t value) {
    attribute(type, bytes_of(value));
}

void NetlinkMessage::attribute_be32(std::uint16_t type, std::uint32_t value) {
    attribute_u32(type, htonl(value));
}

void NetlinkMessage::attribute_u16(std::uint16_t type, std::uint16_t value) {
    attribute(type, bytes_of(value));
}

std::size_t NetlinkMessage::begin(std::uint16_t type) {
    std::size_t start = bytes_.size();
    attribute(type, {});
    return start;
}

void NetlinkMessage::end(std::size_t start) {
    auto length = static_cast<std::uint16_t>(bytes_.size() - start);
    std::memcpy(bytes_.data() + start, &length, sizeof length);
}

bool NetlinkMessage::wants_answer() const {
    nlmsghdr header{};
    return read_struct(bytes_, header) && (header.nlmsg_flags & NLM_F_ACK) != 0;
}

std::string NetlinkMessage::finish(std::uint32_t sequence) {
    nlmsghdr header{};
    std::memcpy(&header, bytes_.data(), sizeof header);
    header.nlmsg_len = static_cast<std::uint32_t>(bytes_.size());
    header.nlmsg_seq = sequence;
    std::memcpy(bytes_.data(), &header, sizeof header);
    return std::move(bytes_);
}

std::vector<NetlinkReply> parse_netlink(std::string_view datagram) {
    std::vector<NetlinkReply> replies;
    nlmsghdr header{};
    while (read_struct(datagram, header) && header.nlmsg_len >= sizeof header &&
           header.nlmsg_len <= datagram.size()) {
        replies.push_back({header.nlmsg_type, header.nlmsg_seq,
                           datagram.substr(sizeof header, header.nlmsg_len - sizeof header)});
        datagram.remove_prefix(std::min(aligned(header.nlmsg_len), datagram.size()));
    }
    return replies;
}

std::vector<NetlinkAttribute> parse_attributes(std::string_view bytes) {
    std::vector<NetlinkAttribute> attributes;
    rtattr header{};
    while (read_struct(bytes, header) && header.rta_len >= sizeof header &&
           header.rta_len <= bytes.size()) {
        attributes.push_back({header.rta_type & static_cast<unsigned>(NLA_TYPE_MASK),
                              bytes.substr(sizeof header, header.rta_len - sizeof header)});
        bytes.remove_prefix(std::min(aligned(header.rta_len), bytes.size()));
    }
    return attributes;
}

}  // namespace osiekit
