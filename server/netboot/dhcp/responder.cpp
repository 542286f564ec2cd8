#include "server/netboot/dhcp/responder.hpp"

#include "server/netboot/dhcp/reply_options.hpp"

namespace osiekit::netboot {
namespace {

namespace code = dhcp::code;
using dhcp::MessageType;

// Relay sub-options of option 82.
constexpr std::uint8_t server_identifier_override = 11;  // RFC 5107
constexpr std::uint8_t relay_source_port = 19;           // RFC 8357

dhcp::Options relay_options(const dhcp::Packet& packet) {
    auto bytes = packet.options.get(code::relay_agent_information);
    if (!bytes) return {};
    auto options = dhcp::parse_suboptions(*bytes);
    return options ? *options : dhcp::Options();
}

Ipv4 server_identifier(const dhcp::Options& relay, const Settings& settings) {
    auto replaced = relay.ipv4(server_identifier_override);
    return replaced && !replaced->is_zero() ? *replaced : settings.address;
}

// RFC 2131 section 4.1 and, for INFORM, 4.3.5.
std::optional<Destination> destination_of(const dhcp::Packet& packet, MessageType answer,
                                          bool is_inform, const Arrival& arrival,
                                          const dhcp::Options& relay, const Settings& settings) {
    using Way = Destination::Way;
    const auto client_port = settings.dhcp_client_port;
    if (is_inform && !packet.ciaddr.is_zero())
        return Destination{Way::unicast, packet.ciaddr, client_port};
    if (!packet.giaddr.is_zero()) {
        auto port = relay.has(relay_source_port) ? arrival.source_port : settings.dhcp_relay_port;
        return Destination{Way::unicast, packet.giaddr, port};
    }
    if (is_inform) {
        if (arrival.source.is_zero()) return std::nullopt;
        return Destination{Way::unicast, arrival.source, client_port};
    }
    if (answer == MessageType::nak) return Destination{Way::broadcast, {}, client_port};
    if (!packet.ciaddr.is_zero()) return Destination{Way::unicast, packet.ciaddr, client_port};
    if (packet.broadcast()) return Destination{Way::broadcast, {}, client_port};
    return Destination{Way::hardware, {}, client_port};  // the address follows with yiaddr
}

// What a REQUEST is to get (RFC 2131 section 4.3.2); nullopt: silence.
std::optional<MessageType> judge_request(const dhcp::Packet& packet, const Machine& machine,
                                         Ipv4 our_identifier) {
    auto chosen_server = packet.options.ipv4(code::server_identifier);
    if (chosen_server && *chosen_server != our_identifier) return std::nullopt;
    auto wanted = packet.options.ipv4(code::requested_address).value_or(packet.ciaddr);
    if (wanted.is_zero()) {
        // Neither selecting nor renewing; some ROMs leave option 50 out when they select us.
        if (!chosen_server) return std::nullopt;
        return MessageType::ack;
    }
    return wanted == machine.address ? MessageType::ack : MessageType::nak;
}

std::string describe(MessageType answer, const Machine& machine, const Client& client,
                     const BootInfo& boot) {
    std::string text = machine.address.to_string() + " for " + std::string(to_string(client.kind));
    if (client.architecture) text += " (architecture " + std::to_string(*client.architecture) + ")";
    if (answer == MessageType::nak) return text + ": it asked for another address";
    if (client.kind == ClientKind::plain) return text;
    return text + (boot.file.empty() ? std::string(", nothing to boot") : ", boot " + boot.file);
}

std::string event_kind(MessageType answer, bool is_inform) {
    if (is_inform) return "dhcp.inform";
    switch (answer) {
        case MessageType::offer:
            return "dhcp.offer";
        case MessageType::nak:
            return "dhcp.nak";
        default:
            return "dhcp.ack";
    }
}

// The fixed fields that every reply copies from its question (RFC 2131 table 3).
dhcp::Packet reply_frame(const dhcp::Packet& question) {
    dhcp::Packet reply;
    reply.op = dhcp::Operation::reply;
    reply.htype = question.htype;
    reply.hlen = question.hlen;
    reply.chaddr = question.chaddr;
    reply.xid = question.xid;
    reply.flags = question.flags;
    reply.giaddr = question.giaddr;
    return reply;
}

struct Question {
    const dhcp::Packet& packet;
    const Arrival& arrival;
    const Settings& settings;
    const ipxe::Binaries& binaries;
};

void answer(const Question& question, MessageType type, bool is_inform, Outcome& outcome) {
    const auto& packet = question.packet;
    const Machine& machine = *outcome.machine;
    const auto relay = relay_options(packet);
    auto destination =
        destination_of(packet, type, is_inform, question.arrival, relay, question.settings);
    if (!destination) return;
    auto boot = boot_info(*outcome.client, machine, question.settings, question.binaries);
    Reply reply{reply_frame(packet), *destination};
    // The relay must broadcast to a client that has no working address.
    bool to_relay = destination->address == packet.giaddr && !packet.giaddr.is_zero();
    if (to_relay && (type == MessageType::nak || is_inform))
        reply.packet.flags |= dhcp::broadcast_flag;
    if (type == MessageType::ack) reply.packet.ciaddr = packet.ciaddr;
    if (type != MessageType::nak && !is_inform) reply.packet.yiaddr = machine.address;
    if (destination->way == Destination::Way::hardware) reply.destination.address = machine.address;
    ReplyPlan plan{type,    is_inform, server_identifier(relay, question.settings),
                   machine, boot,      reply_limit(packet, question.arrival.mtu)};
    fill_options(packet, plan, reply.packet);
    outcome.event = {machine.mac, event_kind(type, is_inform),
                     describe(type, machine, *outcome.client, boot)};
    outcome.reply = std::move(reply);
}

}  // namespace

Outcome respond(const dhcp::Packet& packet, const Arrival& arrival, const Settings& settings,
                const ipxe::Binaries& binaries, const MachineLookup& lookup) {
    Outcome outcome;
    auto mac = packet.mac();
    auto type = packet.options.message_type();
    if (packet.op != dhcp::Operation::request || !mac || !type) return outcome;
    outcome.machine = lookup(*mac);
    if (!outcome.machine || outcome.machine->address.is_zero()) {
        std::string why = outcome.machine ? "the record has no address" : "no such machine";
        outcome.machine.reset();
        outcome.event = {*mac, "dhcp.unknown",
                         std::string(dhcp::to_string(*type)) + " not answered: " + why};
        return outcome;
    }
    outcome.machine->mac = *mac;
    outcome.client = classify(packet);
    const Question question{packet, arrival, settings, binaries};
    switch (*type) {
        case MessageType::discover:
            answer(question, MessageType::offer, false, outcome);
            break;
        case MessageType::request: {
            auto identifier = server_identifier(relay_options(packet), settings);
            if (auto verdict = judge_request(packet, *outcome.machine, identifier))
                answer(question, *verdict, false, outcome);
            break;
        }
        case MessageType::inform:
            answer(question, MessageType::ack, true, outcome);
            break;
        case MessageType::release:
            outcome.event = {*mac, "dhcp.release", packet.ciaddr.to_string() + " released"};
            break;
        case MessageType::decline:
            outcome.event = {
                *mac, "dhcp.decline",
                packet.options.ipv4(code::requested_address).value_or(Ipv4()).to_string() +
                    " is in use by another machine, says the client; it keeps its reservation"};
            break;
        default:
            break;
    }
    return outcome;
}

}  // namespace osiekit::netboot
