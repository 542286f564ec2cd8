#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace osiekit::init {

// What a device's module alias tells without any index (kernel: file2alias.c).

// The device that sits on a PCI device which carries virtio, as its alias will be once the PCI
// device has its driver: so that both drivers can be loaded at a time. Virtio 1.2 section 4.1.2:
// vendor 1af4, device 0x1040 + kind, or 0x1000..0x103f with the kind as subsystem device.
std::optional<std::string> virtio_alias_on(std::string_view pci_alias);

// Whether the alias is that of a network card, or of the bus that a virtual one sits on.
bool is_network_alias(std::string_view alias);
// Network cards, and the sources of entropy of virtual machines: without one the first program that
// wants a random number waits for a second or more.
bool is_needed_first(std::string_view alias);

// What a person calls the PCI network cards among device aliases: "8086:1533".
std::vector<std::string> network_cards(const std::vector<std::string>& aliases);

}  // namespace osiekit::init
