#pragma once

#include <functional>

namespace osiekit::builder {

// From now on SIGINT and SIGTERM only make the returned function true, so that work can stop at
// the next good place and clean up; the second signal ends the program at once.
std::function<bool()> watch_interrupts();

}  // namespace osiekit::builder
