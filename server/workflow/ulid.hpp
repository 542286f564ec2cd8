#pragma once

#include <functional>
#include <string>

#include "server/model/time.hpp"

namespace osiekit::server {

// Makes identifiers; tests pass their own.
using IdSource = std::function<std::string()>;

// A ULID: 48 bits of time in milliseconds and 80 random bits as 26 characters of Crockford's
// base 32; sorts by time. Random bits come from the kernel.
std::string make_ulid(UnixMillis now);

}  // namespace osiekit::server
