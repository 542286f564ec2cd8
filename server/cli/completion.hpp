#pragma once

#include <string>

namespace osiekit::tink {

// A bash script that completes tink's commands, flags, and the names and ids that the server knows.
std::string bash_completion();

}  // namespace osiekit::tink
