#include "lib/base/terminal.hpp"

#include <unistd.h>

#include <cstdlib>

namespace osiekit {

bool wants_colour(int fd) {
    const char* unwanted = std::getenv("NO_COLOR");
    return ::isatty(fd) == 1 && (unwanted == nullptr || *unwanted == '\0');
}

}  // namespace osiekit
