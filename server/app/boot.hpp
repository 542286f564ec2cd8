#pragma once

#include <optional>

#include "server/netboot/netboot.hpp"
#include "server/store/store.hpp"

namespace osiekit::server {

// The boot rule: to the disk once the machine's last workflow succeeded and no other waits; to the
// installation environment otherwise (none yet, unfinished, failed).
netboot::BootTarget boot_target(std::optional<State> last_workflow);

// One port of a record as the netboot services want it.
netboot::Machine to_machine(const Hardware& hardware, const Interface& interface,
                            std::optional<State> last_workflow);

// What is known of a MAC; nullopt for an unknown one and for ports with disableDhcp.
Result<std::optional<netboot::Machine>> look_up(Store& store, const MacAddress& mac);

}  // namespace osiekit::server
