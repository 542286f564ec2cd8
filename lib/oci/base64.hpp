#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace osiekit::oci {

// Standard base64 with padding (RFC 4648 section 4); anything else is nullopt. White space at both
// ends is ignored, as people's files have it.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace osiekit::oci
