#include "init/modules/alias.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <cstdio>

#include "lib/base/text.hpp"

namespace osiekit::init {
namespace {

constexpr std::string_view pci = "pci:";
constexpr std::size_t field_digits = 8;

bool begins(std::string_view text, std::string_view prefix) {
    return text.substr(0, prefix.size()) == prefix;
}

// The field `mark` (one or two small letters and eight digits) that starts at `at`.
std::optional<std::uint32_t> field(std::string_view alias, std::size_t at, std::string_view mark) {
    if (alias.size() < at + mark.size() + field_digits || alias.substr(at, mark.size()) != mark)
        return std::nullopt;
    std::string_view digits = alias.substr(at + mark.size(), field_digits);
    std::uint32_t value = 0;
    auto [end, error] = std::from_chars(digits.begin(), digits.end(), value, 16);
    if (error != std::errc() || end != digits.end()) return std::nullopt;
    return value;
}

}  // namespace

std::optional<std::string> virtio_alias_on(std::string_view pci_alias) {
    constexpr std::uint32_t vendor_id = 0x1af4;
    constexpr std::uint32_t first_transitional = 0x1000;
    constexpr std::uint32_t first_modern = 0x1040;
    constexpr std::uint32_t last_modern = 0x107f;
    if (!begins(pci_alias, pci)) return std::nullopt;
    // pci:v00001AF4d00001000sv00001AF4sd00000001bc02sc00i00
    auto vendor = field(pci_alias, 4, "v");
    auto device = field(pci_alias, 13, "d");
    auto subsystem_vendor = field(pci_alias, 22, "sv");
    auto subsystem = field(pci_alias, 32, "sd");
    if (!vendor || !device || !subsystem_vendor || !subsystem) return std::nullopt;
    if (*vendor != vendor_id || *device < first_transitional || *device > last_modern)
        return std::nullopt;
    std::uint32_t kind = *device < first_modern ? *subsystem : *device - first_modern;
    std::array<char, 32> text{};
    int size =
        std::snprintf(text.data(), text.size(), "virtio:d%08Xv%08X", kind, *subsystem_vendor);
    return std::string(text.data(), static_cast<std::size_t>(size));
}

bool is_network_alias(std::string_view alias) {
    // pci:v00008086d00001533sv…sd…bc02sc00i00; class 02 is "network controller".
    if (begins(alias, pci)) return alias.find("bc02sc") != std::string_view::npos;
    return begins(alias, "virtio:d00000001v") ||
           begins(alias, "vmbus:f8615163df3e46c5913ff2d2f965ed0e") || begins(alias, "xen:vif");
}

bool is_needed_first(std::string_view alias) {
    if (is_network_alias(alias)) return true;
    constexpr std::string_view virtio_entropy = "virtio:d00000004v";
    std::optional<std::string> on_it = virtio_alias_on(alias);
    return begins(on_it ? std::string_view(*on_it) : alias, virtio_entropy);
}

std::vector<std::string> network_cards(const std::vector<std::string>& aliases) {
    constexpr std::string_view prefix = "pci:v0000";
    constexpr std::size_t device_at = 18;
    std::vector<std::string> cards;
    for (const std::string& alias : aliases)
        if (begins(alias, prefix) && alias.size() > device_at + 4 && is_network_alias(alias))
            cards.push_back(
                to_lower(alias.substr(prefix.size(), 4) + ":" + alias.substr(device_at, 4)));
    return cards;
}

}  // namespace osiekit::init
