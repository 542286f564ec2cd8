#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace osiekit::server {

// Milliseconds since 1970-01-01 UTC; 0 means "not yet".
using UnixMillis = std::int64_t;

// Where the present time comes from; tests pass their own.
using Clock = std::function<UnixMillis()>;

UnixMillis system_time();

// "2026-01-31T12:00:00Z"; "-" for 0.
std::string to_rfc3339(UnixMillis time);

}  // namespace osiekit::server
