#pragma once

#include <functional>

#include "lib/base/result.hpp"

namespace osiekit::builder {

// How often an exchange over the network is tried, and the pause after the first failure, doubled
// after each further one.
struct RetryPolicy {
    unsigned attempts = 4;
    unsigned first_pause_ms = 500;
};

// An answer of a server that another attempt may mend: 408, 429 and 5xx.
bool is_transient_status(long status);

// Repeats `attempt` while it fails with kind network. `cancelled` (may be empty) ends the waiting
// with kind cancelled.
Status with_retries(const RetryPolicy& policy, const std::function<bool()>& cancelled,
                    const std::function<Status()>& attempt);

// Sleeps; false if cancelled meanwhile.
bool pause_for(unsigned milliseconds, const std::function<bool()>& cancelled);

}  // namespace osiekit::builder
