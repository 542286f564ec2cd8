#include <arpa/inet.h>
#include <openssl/evp.h>

#include <bit>

#include "lib/base/digest.hpp"
#include "lib/base/text.hpp"
#include "server/document/document.hpp"
#include "server/template/functions.hpp"

namespace osiekit::server::tmpl {
namespace {

using nlohmann::json;
using Answer = Result<json>;

std::string to_json(const json& value, int indent) {
    return value.dump(indent, ' ', false, json::error_handler_t::replace);
}

Answer encode_base64(const Arguments& a) {
    OSIEKIT_ASSIGN(std::string text, a.text(0));
    std::string out((text.size() + 2) / 3 * 4 + 1, '\0');
    int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                               reinterpret_cast<const unsigned char*>(text.data()),
                               static_cast<int>(text.size()));
    out.resize(static_cast<std::size_t>(size));
    return json(std::move(out));
}

Answer decode_base64(const Arguments& a) {
    OSIEKIT_ASSIGN(std::string text, a.text(0));
    std::string out(text.size() / 4 * 3 + 3, '\0');
    int size = text.size() % 4 != 0
                   ? -1
                   : EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
    if (size < 0) return bad_argument("not base64: " + printable(text, 40));
    std::size_t padding = text.ends_with("==") ? 2 : text.ends_with("=") ? 1 : 0;
    out.resize(static_cast<std::size_t>(size) - padding);
    return json(std::move(out));
}

Answer from_text(const Arguments& a, Result<Document> (*parse)(std::string_view)) {
    OSIEKIT_ASSIGN(std::string text, a.text(0));
    if (trim(text).empty()) return bad_argument("the text is empty");
    OSIEKIT_ASSIGN(Document document, parse(text));
    return std::move(document.value);
}

// The partition's device: /dev/disk/… gets -part<n>, a name that ends in a digit p<n>, else <n>.
Answer format_partition(const Arguments& a) {
    OSIEKIT_ASSIGN(std::string device, a.text(0));
    OSIEKIT_ASSIGN(auto number, a.integer(1));
    if (device.empty()) return bad_argument("the device is empty");
    std::string text = std::to_string(number);
    if (device.starts_with("/dev/disk/")) return json(device + "-part" + text);
    bool digit = device.back() >= '0' && device.back() <= '9';
    return json(device + (digit ? "p" : "") + text);
}

Answer prefix_length(const Arguments& a) {
    OSIEKIT_ASSIGN(std::string text, a.text(0));
    in_addr mask{};
    bool good = ::inet_pton(AF_INET, text.c_str(), &mask) == 1;
    std::uint32_t bits = ntohl(mask.s_addr);
    if (!good || (~bits & (~bits + 1)) != 0)
        return bad_argument("not a netmask: " + printable(text, 40));
    return json(std::to_string(std::popcount(bits)));
}

Answer url_query(const Arguments& a) {
    std::string text;
    for (std::size_t i = 0; i < a.size(); ++i) text += a.any_text(i);
    std::string out;
    for (char c : text) {
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     std::string_view("-_.~").find(c) != std::string_view::npos;
        if (plain)
            out += c;
        else if (c == ' ')
            out += '+';
        else {
            constexpr std::string_view digits = "0123456789ABCDEF";
            auto byte = static_cast<unsigned char>(c);
            out += '%';
            out += digits[byte >> 4U];
            out += digits[byte & 15U];
        }
    }
    return json(std::move(out));
}

}  // namespace

void add_encoding_functions(FunctionTable& table) {
    table["b64enc"] = {1, 1, encode_base64};
    table["b64dec"] = {1, 1, decode_base64};
    table["sha256sum"] = {1, 1, [](const Arguments& a) -> Answer {
                              OSIEKIT_ASSIGN(std::string text, a.text(0));
                              return json(Sha256::of(text).hex());
                          }};
    table["toJson"] = {1, 1,
                       [](const Arguments& a) -> Answer { return json(to_json(a.at(0), -1)); }};
    table["toRawJson"] = table["toJson"];
    table["toPrettyJson"] = {
        1, 1, [](const Arguments& a) -> Answer { return json(to_json(a.at(0), 2)); }};
    table["fromJson"] = {1, 1, [](const Arguments& a) { return from_text(a, parse_json); }};
    table["toYaml"] = {1, 1, [](const Arguments& a) -> Answer {
                           std::string text = to_yaml(a.at(0));
                           if (text.ends_with('\n')) text.pop_back();
                           return json(std::move(text));
                       }};
    table["fromYaml"] = {1, 1, [](const Arguments& a) { return from_text(a, parse_yaml); }};
    table["formatPartition"] = {2, 2, format_partition};
    table["netmaskToPrefixLength"] = {1, 1, prefix_length};
    table["urlquery"] = {0, any_number, url_query};
}

}  // namespace osiekit::server::tmpl
