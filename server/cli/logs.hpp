#pragma once

#include "server/cli/client.hpp"
#include "server/cli/output.hpp"

namespace osiekit::tink {

// Prints the output of a workflow's actions as it is kept, oldest first; with `follow` also what
// comes, through restarts of the server, until the workflow has ended. Lines that are missing are
// counted in their place.
Status print_logs(Client& client, LogOptions options, const Style& style);

}  // namespace osiekit::tink
