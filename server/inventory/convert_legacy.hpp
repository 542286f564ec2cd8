#pragma once

#include <nlohmann/json.hpp>

#include "lib/base/result.hpp"
#include "server/document/document.hpp"

namespace osiekit::server {

// Is this the Postgres-era form (top level `network`, no `kind`)? tinkerbell.md 4.1.
bool is_legacy_hardware(const nlohmann::json& value);

// The same record in the CRD's shape: the id becomes metadata.name, allow_pxe becomes
// allowPXE, the metadata, which old clients store as JSON text, becomes an object. Unknown network
// keys are kept where they are.
Result<nlohmann::json> convert_legacy_hardware(const Document& document);

}  // namespace osiekit::server
