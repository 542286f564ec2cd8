#include "lib/base/terminal.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "lib/base/fd.hpp"

using namespace osiekit;

TEST_CASE("colours are for terminals, unless NO_COLOR is set") {
    Fd terminal(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(terminal);
    Fd file(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    ::unsetenv("NO_COLOR");
    ::setenv("TERM", "xterm", 1);
    CHECK(wants_colour(terminal.get()));
    CHECK_FALSE(wants_colour(file.get()));
    ::setenv("NO_COLOR", "", 1);
    CHECK(wants_colour(terminal.get()));
    ::setenv("NO_COLOR", "1", 1);
    CHECK_FALSE(wants_colour(terminal.get()));
    ::unsetenv("NO_COLOR");
    ::setenv("TERM", "dumb", 1);
    CHECK_FALSE(wants_colour(terminal.get()));
    ::unsetenv("TERM");
}

TEST_CASE("lines are written over again where a terminal can do that") {
    Fd terminal(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(terminal);
    Fd file(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    ::setenv("TERM", "xterm", 1);
    CHECK(rewrites_lines(terminal.get()));
    CHECK_FALSE(rewrites_lines(file.get()));
    ::setenv("TERM", "dumb", 1);
    CHECK_FALSE(rewrites_lines(terminal.get()));
    ::unsetenv("TERM");
    CHECK_FALSE(rewrites_lines(terminal.get()));
}

TEST_CASE("a terminal says how wide it is, or is taken to be usual") {
    Fd terminal(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
    REQUIRE(terminal);
    CHECK(terminal_columns(terminal.get()) == 80);
    struct winsize size {};
    size.ws_col = 33;
    REQUIRE(::ioctl(terminal.get(), TIOCSWINSZ, &size) == 0);
    CHECK(terminal_columns(terminal.get()) == 33);
    Fd file(::open("/dev/null", O_WRONLY | O_CLOEXEC));
    CHECK(terminal_columns(file.get()) == 80);
}
