#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.hpp"

namespace osiekit::action {

// The architecture of a static 64-bit Linux program, by Go's name ("amd64", "arm64"). A program
// that needs a loader, or is none, is an error of kind invalid_input: it could not run in an empty
// image.
Result<std::string> static_program_architecture(std::string_view bytes);

}  // namespace osiekit::action
