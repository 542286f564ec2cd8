#pragma once

#include <cstdint>
#include <string>

#include "server/model/time.hpp"

namespace osiekit::server {

// One line of the server's history. Appended, never changed; `sequence` grows by at least one with
// each event and is the order in which they became durable.
struct Event {
    std::uint64_t sequence = 0;  // given by the store
    UnixMillis time = 0;
    std::string kind;      // "hardware.put", "action.started", "dhcp.ack", …
    std::string hardware;  // record name, empty if unknown
    std::string mac;       // canonical, empty if none
    std::string workflow_id;
    std::string text;           // a sentence for people
    std::string detail = "{}";  // a JSON object for machines
};

struct EventFilter {
    std::string workflow_id;  // empty: any
    std::string hardware;     // record name; empty: any
    std::string mac;          // with `hardware`: either matches
    std::uint64_t from_sequence = 0;
};

}  // namespace osiekit::server
