#include "lib/dhcp/options.hpp"

#include <algorithm>

#include "lib/base/bytes.hpp"

namespace osiekit::dhcp {
namespace {

constexpr std::size_t largest_piece = 255;

}  // namespace

std::string_view to_string(MessageType type) {
    switch (type) {
        case MessageType::discover:
            return "DISCOVER";
        case MessageType::offer:
            return "OFFER";
        case MessageType::request:
            return "REQUEST";
        case MessageType::decline:
            return "DECLINE";
        case MessageType::ack:
            return "ACK";
        case MessageType::nak:
            return "NAK";
        case MessageType::release:
            return "RELEASE";
        case MessageType::inform:
            return "INFORM";
    }
    return "unknown";
}

const Option* Options::find(std::uint8_t code) const {
    auto it = std::find_if(options_.begin(), options_.end(),
                           [code](const Option& option) { return option.code == code; });
    return it == options_.end() ? nullptr : &*it;
}

void Options::set(std::uint8_t code, std::string value) {
    if (code == code::pad || code == code::end) return;
    for (Option& option : options_) {
        if (option.code != code) continue;
        option.value = std::move(value);
        return;
    }
    options_.push_back({code, std::move(value)});
}

void Options::set_u8(std::uint8_t code, std::uint8_t value) {
    set(code, std::string(1, static_cast<char>(value)));
}

void Options::set_u16(std::uint8_t code, std::uint16_t value) {
    ByteWriter writer;
    writer.u16(value);
    set(code, std::move(writer.bytes()));
}

void Options::set_u32(std::uint8_t code, std::uint32_t value) {
    ByteWriter writer;
    writer.u32(value);
    set(code, std::move(writer.bytes()));
}

void Options::set_ipv4(std::uint8_t code, Ipv4 value) {
    set(code, value.bytes());
}

void Options::set_ipv4_list(std::uint8_t code, const std::vector<Ipv4>& values) {
    std::string bytes;
    for (Ipv4 value : values) bytes += value.bytes();
    set(code, std::move(bytes));
}

void Options::set_message_type(MessageType type) {
    set_u8(code::message_type, static_cast<std::uint8_t>(type));
}

void Options::append(std::uint8_t code, std::string_view piece) {
    if (code == code::pad || code == code::end) return;
    for (Option& option : options_) {
        if (option.code != code) continue;
        option.value += piece;
        return;
    }
    options_.push_back({code, std::string(piece)});
}

void Options::remove(std::uint8_t code) {
    std::erase_if(options_, [code](const Option& option) { return option.code == code; });
}

std::optional<std::string_view> Options::get(std::uint8_t code) const {
    const Option* option = find(code);
    if (option == nullptr) return std::nullopt;
    return option->value;
}

std::optional<std::uint8_t> Options::u8(std::uint8_t code) const {
    const Option* option = find(code);
    if (option == nullptr || option->value.size() != 1) return std::nullopt;
    return ByteReader(option->value).u8();
}

std::optional<std::uint16_t> Options::u16(std::uint8_t code) const {
    const Option* option = find(code);
    if (option == nullptr || option->value.size() != 2) return std::nullopt;
    return ByteReader(option->value).u16();
}

std::optional<std::uint32_t> Options::u32(std::uint8_t code) const {
    const Option* option = find(code);
    if (option == nullptr || option->value.size() != 4) return std::nullopt;
    return ByteReader(option->value).u32();
}

std::optional<Ipv4> Options::ipv4(std::uint8_t code) const {
    std::vector<Ipv4> list = ipv4_list(code);
    if (list.empty()) return std::nullopt;
    return list.front();
}

std::vector<Ipv4> Options::ipv4_list(std::uint8_t code) const {
    const Option* option = find(code);
    std::vector<Ipv4> list;
    if (option == nullptr || option->value.size() % 4 != 0) return list;
    list.reserve(option->value.size() / 4);
    ByteReader reader(option->value);
    while (!reader.rest().empty()) list.emplace_back(reader.u32());
    return list;
}

std::vector<std::uint16_t> Options::u16_list(std::uint8_t code) const {
    const Option* option = find(code);
    std::vector<std::uint16_t> list;
    if (option == nullptr || option->value.size() % 2 != 0) return list;
    list.reserve(option->value.size() / 2);
    ByteReader reader(option->value);
    while (!reader.rest().empty()) list.push_back(reader.u16());
    return list;
}

std::optional<std::string> Options::text(std::uint8_t code) const {
    const Option* option = find(code);
    if (option == nullptr) return std::nullopt;
    std::string value = option->value;
    while (!value.empty() && value.back() == '\0') value.pop_back();
    return value;
}

std::optional<MessageType> Options::message_type() const {
    std::optional<std::uint8_t> value = u8(code::message_type);
    if (!value || *value < static_cast<std::uint8_t>(MessageType::discover) ||
        *value > static_cast<std::uint8_t>(MessageType::inform))
        return std::nullopt;
    return static_cast<MessageType>(*value);
}

std::size_t encoded_size(std::size_t value_size) {
    std::size_t pieces = std::max<std::size_t>(1, (value_size + largest_piece - 1) / largest_piece);
    return value_size + 2 * pieces;
}

Status parse_options(std::string_view bytes, Options& options) {
    ByteReader reader(bytes);
    while (!reader.rest().empty()) {
        std::uint8_t code = reader.u8();
        if (code == code::pad) continue;
        if (code == code::end) break;
        std::string name = "option " + std::to_string(code);
        if (reader.rest().empty())
            return Error(ErrorKind::invalid_input, name + " ends before its length");
        std::size_t length = reader.u8();
        std::size_t left = reader.rest().size();
        if (length > left)
            return Error(ErrorKind::invalid_input, name + " says " + std::to_string(length) +
                                                       " bytes, but " + std::to_string(left) +
                                                       " are left");
        options.append(code, reader.take(length));
    }
    return {};
}

std::string encode_options(const Options& options, bool end_marker) {
    ByteWriter writer;
    for (const Option& option : options.all()) {
        std::string_view rest = option.value;
        do {
            std::string_view piece = rest.substr(0, largest_piece);
            writer.u8(option.code);
            writer.u8(static_cast<std::uint8_t>(piece.size()));
            writer.raw(piece);
            rest.remove_prefix(piece.size());
        } while (!rest.empty());
    }
    if (end_marker) writer.u8(code::end);
    return std::move(writer.bytes());
}

Result<Options> parse_suboptions(std::string_view bytes) {
    Options options;
    OSIEKIT_TRY(parse_options(bytes, options));
    return options;
}

}  // namespace osiekit::dhcp
