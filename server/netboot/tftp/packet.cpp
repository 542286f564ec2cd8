#include "server/netboot/tftp/packet.hpp"

#include <algorithm>

#include "lib/base/bytes.hpp"
#include "lib/base/text.hpp"

namespace osiekit::netboot::tftp {
namespace {

enum Opcode : std::uint16_t { rrq = 1, wrq = 2, data = 3, ack = 4, error = 5, oack = 6 };

constexpr std::uint16_t malformed = 0xffff;

// Takes a NUL-terminated text off the front; nullopt if no NUL is left.
std::optional<std::string_view> take_text(std::string_view& rest) {
    auto end = rest.find('\0');
    if (end == std::string_view::npos) return std::nullopt;
    auto text = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    return text;
}

std::optional<std::uint32_t> number_within(std::string_view text, std::uint32_t least,
                                           std::uint32_t most) {
    auto value = parse_u64(text);
    if (!value || *value < least || *value > most) return std::nullopt;
    return static_cast<std::uint32_t>(*value);
}

void take_option(ReadRequest& request, std::string_view name, std::string_view value) {
    if (equal_ignoring_case(name, "blksize"))
        request.block_size = number_within(value, smallest_block_size, largest_block_size);
    else if (equal_ignoring_case(name, "windowsize"))
        request.window_size = number_within(value, 1, 65535);
    else if (equal_ignoring_case(name, "timeout"))
        request.timeout_seconds = number_within(value, 1, 255);
    else if (equal_ignoring_case(name, "tsize"))
        request.wants_size = parse_u64(value).has_value();
}

Packet parse_read_request(std::string_view rest) {
    ReadRequest request;
    auto file = take_text(rest);
    auto mode = take_text(rest);
    if (!file || !mode) return Refusal{ErrorCode::illegal_operation, "malformed read request"};
    if (file->empty() || file->size() > largest_file_name)
        return Refusal{ErrorCode::access_violation, "file name empty or too long"};
    request.file = *file;
    request.netascii = equal_ignoring_case(*mode, "netascii");
    if (!request.netascii && !equal_ignoring_case(*mode, "octet"))
        return Refusal{ErrorCode::illegal_operation, "mode must be octet"};
    // Some ROMs pad the request; what does not end in a NUL is no option.
    for (std::size_t count = 0; count < largest_option_count; ++count) {
        auto name = take_text(rest);
        if (!name || name->empty()) break;
        auto value = take_text(rest);
        if (!value) break;
        take_option(request, *name, *value);
    }
    return request;
}

bool is_hex(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    });
}

// "-00-<32 hex>-<16 hex>-<2 hex>" at the end.
std::string_view without_traceparent(std::string_view name) {
    constexpr std::size_t length = 1 + 2 + 1 + 32 + 1 + 16 + 1 + 2;
    if (name.size() <= length) return name;
    auto suffix = name.substr(name.size() - length);
    bool dashes = suffix[0] == '-' && suffix[3] == '-' && suffix[36] == '-' && suffix[53] == '-';
    bool digits = is_hex(suffix.substr(1, 2)) && is_hex(suffix.substr(4, 32)) &&
                  is_hex(suffix.substr(37, 16)) && is_hex(suffix.substr(54, 2));
    return dashes && digits ? name.substr(0, name.size() - length) : name;
}

}  // namespace

Packet parse(std::string_view datagram) {
    ByteReader reader(datagram);
    auto opcode = reader.u16();
    if (reader.failed()) return PeerError{malformed, "shorter than an opcode"};
    switch (opcode) {
        case rrq:
            if (datagram.size() > largest_request)
                return Refusal{ErrorCode::illegal_operation, "request too long"};
            return parse_read_request(reader.rest());
        case wrq:
            return Refusal{ErrorCode::access_violation, "this server is read-only"};
        case ack: {
            Acknowledgement acknowledgement{reader.u16()};
            if (reader.failed()) return PeerError{malformed, "ACK without block number"};
            return acknowledgement;
        }
        case error: {
            PeerError peer_error{reader.u16(), {}};
            if (reader.failed()) return PeerError{malformed, "ERROR without code"};
            auto text = reader.rest();
            peer_error.message = printable(text.substr(0, text.find('\0')));
            return peer_error;
        }
        default:
            return Refusal{ErrorCode::illegal_operation, "unexpected operation"};
    }
}

std::string error_datagram(ErrorCode code, std::string_view message) {
    ByteWriter writer;
    writer.u16(error);
    writer.u16(static_cast<std::uint16_t>(code));
    writer.raw(message);
    writer.u8(0);
    return std::move(writer.bytes());
}

std::string oack_datagram(const std::vector<Option>& options) {
    ByteWriter writer;
    writer.u16(oack);
    for (const auto& option : options) {
        writer.raw(option.name);
        writer.u8(0);
        writer.raw(std::to_string(option.value));
        writer.u8(0);
    }
    return std::move(writer.bytes());
}

FileName interpret_file_name(std::string_view file) {
    std::string path(file);
    std::replace(path.begin(), path.end(), '\\', '/');
    FileName name;
    std::string_view last;
    for (auto part : split(path, '/')) {
        bool control = std::any_of(part.begin(), part.end(), [](char c) {
            return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
        });
        if (part == ".." || control) return {};
        if (!last.empty()) {
            if (!name.folder.empty()) name.folder += '/';
            name.folder += last;
        }
        last = part;
    }
    name.base = without_traceparent(last);
    return name;
}

}  // namespace osiekit::netboot::tftp
