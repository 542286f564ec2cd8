#pragma once

namespace osiekit {

// Whether colours may be written to this descriptor: it is a terminal, and the environment has no
// NO_COLOR (https://no-color.org).
bool wants_colour(int fd);

}  // namespace osiekit
