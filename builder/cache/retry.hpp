#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "lib/base/result.hpp"
#include "lib/http/http_client.hpp"

namespace osiekit::builder {

// A mirror that brings fewer bytes a second than this, for as long as apt's Acquire::http::Timeout
// says, is given up. apt itself waits for ever as long as anything comes; at this speed a package
// of 70 MB would take most of a day.
constexpr std::uint32_t lowest_mirror_speed = 1024;

// Sleeps; false if cancelled meanwhile.
bool pause_for(unsigned milliseconds, const std::function<bool()>& cancelled);

// How often an exchange over the network is tried, and the pause after the first failure, doubled
// after each further one.
struct RetryPolicy {
    unsigned attempts = 4;
    unsigned first_pause_ms = 500;
    // A server may ask for a longer pause (Retry-After); one that asks for more than this is not
    // asked again.
    std::uint64_t longest_pause_s = 60;
    std::function<bool(unsigned milliseconds, const std::function<bool()>& cancelled)> pause =
        pause_for;
};

// An answer of a server that another attempt may mend: 408, 429 and 5xx.
bool is_transient_status(long status);

// What to do about any other status but 404.
constexpr const char* refused_hint =
    "the mirror, or a proxy on the way, does not let this machine have it";

// The pause in seconds that a server asks for (RFC 9110 section 10.2.3). A date counts from the
// answer's own one, so that no clock of ours matters.
using RetryAfter = std::optional<std::uint64_t>;
RetryAfter retry_after(const http::Response& response);

// Repeats `attempt` while it fails with kind network; it may set the pause that the server asked
// for. `cancelled` (may be empty) ends the waiting with kind cancelled.
Status with_retries(const RetryPolicy& policy, const std::function<bool()>& cancelled,
                    const std::function<Status(RetryAfter& asked)>& attempt);

}  // namespace osiekit::builder
