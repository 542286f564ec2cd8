#pragma once

#include "server/cli/client.hpp"
#include "server/cli/output.hpp"

namespace osiekit::tink {

// Prints the events. With `follow` it outlives restarts of the server: it says so once on standard
// error, connects again and goes on behind the last event seen. A single workflow is followed to
// its end.
// The answer is whether that workflow failed; false when it did not, or none was named.
Result<bool> print_events(Client& client, WatchOptions options, const Style& style);

}  // namespace osiekit::tink
