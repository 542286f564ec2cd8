#include "lib/base/terminal.hpp"

#include <fcntl.h>
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
    CHECK(wants_colour(terminal.get()));
    CHECK_FALSE(wants_colour(file.get()));
    ::setenv("NO_COLOR", "", 1);
    CHECK(wants_colour(terminal.get()));
    ::setenv("NO_COLOR", "1", 1);
    CHECK_FALSE(wants_colour(terminal.get()));
    ::unsetenv("NO_COLOR");
}
