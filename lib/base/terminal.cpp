#include "lib/base/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace osiekit {

namespace {

std::string_view variable(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
}

}  // namespace

bool wants_colour(int fd) {
    return ::isatty(fd) == 1 && variable("NO_COLOR").empty() && variable("TERM") != "dumb";
}

bool rewrites_lines(int fd) {
    return ::isatty(fd) == 1 && !variable("TERM").empty() && variable("TERM") != "dumb";
}

unsigned terminal_columns(int fd) {
    constexpr unsigned usual = 80;
    struct winsize size {};
    return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : usual;
}

}  // namespace osiekit
