#include "lib/dhcp/packet.hpp"

#include <algorithm>

#include "lib/base/bytes.hpp"

namespace osiekit::dhcp {
namespace {

constexpr std::uint32_t cookie = 0x63825363;
constexpr std::uint8_t overload_file = 1;
constexpr std::uint8_t overload_sname = 2;

std::string up_to_nul(std::string_view field) {
    return std::string(field.substr(0, field.find('\0')));
}

Error malformed(std::string message) {
    return {ErrorKind::invalid_input, "DHCP packet: " + std::move(message)};
}

Status parse_area(std::string_view bytes, std::string_view area, Options& options) {
    if (Status status = parse_options(bytes, options); !status)
        return malformed(status.error().message() + " in the " + std::string(area));
    return {};
}

// Options of the main area and, when option 52 says so, of `file` and `sname`.
Status parse_all_options(std::string_view main, std::string_view sname, std::string_view file,
                         Packet& packet) {
    OSIEKIT_TRY(parse_area(main, "options", packet.options));
    std::uint8_t overload = packet.options.u8(code::overload).value_or(0);
    packet.options.remove(code::overload);
    if ((overload & overload_file) != 0)
        OSIEKIT_TRY(parse_area(file, "file field", packet.options));
    else
        packet.file = up_to_nul(file);
    if ((overload & overload_sname) != 0)
        OSIEKIT_TRY(parse_area(sname, "sname field", packet.options));
    else
        packet.sname = up_to_nul(sname);
    // Overload inside an overloaded field has no meaning.
    packet.options.remove(code::overload);
    return {};
}

void write_field(ByteWriter& writer, std::string_view text, std::size_t size) {
    writer.raw(text);
    writer.zeros(size - text.size());
}

}  // namespace

std::optional<MacAddress> Packet::mac() const {
    if (htype != ethernet || hlen != MacAddress::size) return std::nullopt;
    return MacAddress::from_bytes({chaddr.data(), MacAddress::size});
}

void Packet::set_mac(const MacAddress& mac) {
    htype = ethernet;
    hlen = MacAddress::size;
    chaddr = {};
    std::string bytes = mac.bytes();
    std::copy(bytes.begin(), bytes.end(), chaddr.begin());
}

Result<Packet> parse(std::string_view bytes) {
    if (bytes.size() < smallest_packet)
        return malformed(std::to_string(bytes.size()) + " bytes, the least is " +
                         std::to_string(smallest_packet));
    if (bytes.size() > largest_packet)
        return Error(ErrorKind::limit, "DHCP packet: " + std::to_string(bytes.size()) +
                                           " bytes, the most is " + std::to_string(largest_packet));
    ByteReader reader(bytes);
    Packet packet;
    std::uint8_t op = reader.u8();
    if (op != static_cast<std::uint8_t>(Operation::request) &&
        op != static_cast<std::uint8_t>(Operation::reply))
        return malformed("op is " + std::to_string(op) + ", neither request (1) nor reply (2)");
    packet.op = static_cast<Operation>(op);
    packet.htype = reader.u8();
    packet.hlen = reader.u8();
    if (packet.hlen > largest_hardware_address)
        return malformed("a hardware address of " + std::to_string(packet.hlen) +
                         " bytes, the most is " + std::to_string(largest_hardware_address));
    packet.hops = reader.u8();
    packet.xid = reader.u32();
    packet.secs = reader.u16();
    packet.flags = reader.u16();
    packet.ciaddr = Ipv4(reader.u32());
    packet.yiaddr = Ipv4(reader.u32());
    packet.siaddr = Ipv4(reader.u32());
    packet.giaddr = Ipv4(reader.u32());
    std::string_view chaddr = reader.take(largest_hardware_address);
    std::copy(chaddr.begin(), chaddr.end(), packet.chaddr.begin());
    std::string_view sname = reader.take(sname_size);
    std::string_view file = reader.take(file_size);
    if (reader.u32() != cookie) return malformed("no DHCP magic cookie (plain BOOTP?)");
    OSIEKIT_TRY(parse_all_options(reader.rest(), sname, file, packet));
    return packet;
}

Result<std::string> build(const Packet& packet, std::size_t pad_to) {
    if (packet.hlen > largest_hardware_address)
        return malformed("a hardware address of " + std::to_string(packet.hlen) + " bytes");
    if (packet.sname.size() > sname_size)
        return malformed("server name longer than " + std::to_string(sname_size) + " bytes");
    if (packet.file.size() > file_size)
        return malformed("boot file longer than " + std::to_string(file_size) + " bytes");
    ByteWriter writer;
    writer.u8(static_cast<std::uint8_t>(packet.op));
    writer.u8(packet.htype);
    writer.u8(packet.hlen);
    writer.u8(packet.hops);
    writer.u32(packet.xid);
    writer.u16(packet.secs);
    writer.u16(packet.flags);
    writer.u32(packet.ciaddr.value());
    writer.u32(packet.yiaddr.value());
    writer.u32(packet.siaddr.value());
    writer.u32(packet.giaddr.value());
    writer.raw({packet.chaddr.data(), packet.chaddr.size()});
    write_field(writer, packet.sname, sname_size);
    write_field(writer, packet.file, file_size);
    writer.u32(cookie);
    writer.raw(encode_options(packet.options, true));
    if (writer.size() > largest_packet)
        return Error(ErrorKind::limit,
                     "DHCP packet: options need " + std::to_string(writer.size()) +
                         " bytes in all, the most is " + std::to_string(largest_packet));
    if (writer.size() < pad_to) writer.zeros(pad_to - writer.size());
    return std::move(writer.bytes());
}

}  // namespace osiekit::dhcp
