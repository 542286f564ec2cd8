#include "builder/commands/reporter.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

#include "builder/commands/progress_line.hpp"
#include "lib/base/fd.hpp"
#include "tests/unit/builder/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;

namespace {

constexpr std::uint64_t mebi = 1U << 20U;

Progress state(std::uint64_t done, std::uint64_t total, const std::string& name = "") {
    Progress progress;
    progress.current = name;
    progress.bytes_done = done * mebi;
    progress.bytes_total = total * mebi;
    return progress;
}

// A pseudo-terminal, or a pipe, and what was written to it.
class Screen {
  public:
    explicit Screen(unsigned short columns) {
        near_ = Fd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
        REQUIRE(::grantpt(near_.get()) == 0);
        REQUIRE(::unlockpt(near_.get()) == 0);
        far = Fd(::open(::ptsname(near_.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
        REQUIRE(far);
        resize(columns);
    }
    Screen() {
        std::array<int, 2> ends{};
        REQUIRE(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0);
        near_ = Fd(ends[0]);
        far = Fd(ends[1]);
    }
    void resize(unsigned short columns) const {
        struct winsize size {};
        size.ws_col = columns;
        REQUIRE(::ioctl(far.get(), TIOCSWINSZ, &size) == 0);
    }
    std::string text() const {
        std::array<char, 4096> buffer;
        ssize_t n = ::read(near_.get(), buffer.data(), buffer.size());
        return n > 0 ? std::string(buffer.data(), static_cast<std::size_t>(n)) : std::string();
    }
    Fd far;

  private:
    Fd near_;
};

struct FakeClock {
    Reporter::Clock::time_point now{std::chrono::hours(1)};
    std::function<Reporter::Clock::time_point()> reader() {
        return [this] { return now; };
    }
};

}  // namespace

TEST_CASE("a line of progress has a bar, bytes and a rate, as far as there is room") {
    Progress progress = state(9, 20, "busybox 1.35");
    auto line = [&](std::size_t columns) {
        std::string text = progress_line("packing", progress, 5.0 * mebi, columns);
        CHECK(text.size() < columns);
        return text;
    };
    CHECK(line(82) ==
          "packing [#########           ]  45%  9.0 MiB of 20.0 MiB, 5.0 MiB/s  busybox 1.35");
    CHECK(line(78) ==
          "packing [#########           ]  45%  9.0 MiB of 20.0 MiB, 5.0 MiB/s  busybox ");
    CHECK(line(77) == "packing [#########           ]  45%  9.0 MiB of 20.0 MiB, 5.0 MiB/s");
    CHECK(line(68) == "packing [#########           ]  45%  9.0 MiB of 20.0 MiB, 5.0 MiB/s");
    CHECK(line(67) == "packing [####      ]  45%  9.0 MiB of 20.0 MiB, 5.0 MiB/s");
    CHECK(line(58) == "packing [####      ]  45%  9.0 MiB of 20.0 MiB, 5.0 MiB/s");
    CHECK(line(57) == "packing: 9.0 MiB of 20.0 MiB, 5.0 MiB/s  busybox 1.35");
    CHECK(line(40) == "packing: 9.0 MiB of 20.0 MiB, 5.0 MiB/s");
    CHECK(line(39) == "9.0 MiB of 20.0 MiB, 5.0 MiB/s");
    CHECK(line(31) == "9.0 MiB of 20.0 MiB, 5.0 MiB/s");
    CHECK(line(30) == "9.0 MiB of 20.0 MiB, 5.0 MiB/");
    CHECK(line(12) == "9.0 MiB of ");
    CHECK(line(1).empty());
    CHECK(progress_line("packing", progress, 0, 0).empty());
    progress = state(3, 0, "a\nb");
    CHECK(line(80) == "packing: 3.0 MiB, 5.0 MiB/s  a\\x0ab");
    progress = state(30, 20);
    CHECK(line(80) == "packing [####################] 100%  30.0 MiB of 20.0 MiB, 5.0 MiB/s");
    progress = state(0, 20, std::string("\xc3\xbc\xc3\xbc\xc3\xbc") + std::string(60, 'x'));
    std::string text = progress_line("packing", progress, 0, 80);
    CHECK(text.find("\xc3\xbc\xc3\xbc\xc3\xbcxxx") != std::string::npos);
    CHECK(text.size() == 79 + 3);
}

TEST_CASE("a terminal has one line that is rewritten, and nothing of it stays") {
    ::setenv("TERM", "xterm", 1);
    Screen screen(70);
    FakeClock clock;
    {
        Reporter reporter(false, screen.far.get(), clock.reader());
        reporter.stage("fetching");
        CHECK(screen.text() == "fetching");
        clock.now += std::chrono::seconds(2);
        reporter.progress(state(4, 8));
        CHECK(screen.text() ==
              "\r\x1b[Kfetching [##########          ]  50%  4.0 MiB of 8.0 MiB, 2.0 MiB/s");
        // No more often than a person can read.
        clock.now += std::chrono::milliseconds(99);
        reporter.progress(state(5, 8));
        CHECK(screen.text().empty());
        screen.resize(30);
        clock.now += std::chrono::seconds(1);
        reporter.progress(state(6, 8));
        CHECK(screen.text() == "\r\x1b[K6.0 MiB of 8.0 MiB, 1.9 MiB/s");
        reporter.warning("something");
        CHECK(screen.text() == "\r\x1b[Kosiekit: warning: something\r\n");
        reporter.stage("packing");
        CHECK(screen.text() == "packing");
    }
    CHECK(screen.text() == "\r\x1b[K");
}

TEST_CASE("elsewhere there is a line a stage, and one now and then about a long one") {
    FakeClock clock;
    Screen pipe;
    Screen terminal(80);
    ::setenv("TERM", "dumb", 1);
    for (const Screen* screen : {&pipe, &terminal}) {
        Reporter reporter(false, screen->far.get(), clock.reader());
        std::string end = screen == &pipe ? "\n" : "\r\n";
        reporter.stage("fetching");
        CHECK(screen->text() == "fetching" + end);
        clock.now += std::chrono::milliseconds(9999);
        reporter.progress(state(4, 8, "busybox"));
        CHECK(screen->text().empty());
        clock.now += std::chrono::milliseconds(1);
        reporter.progress(state(5, 8, "busybox"));
        CHECK(screen->text() == "fetching: 5.0 MiB of 8.0 MiB, 512.0 KiB/s" + end);
        clock.now += std::chrono::seconds(9);
        reporter.stage("packing");
        CHECK(screen->text() == "packing" + end);
        clock.now += std::chrono::seconds(9);
        reporter.progress(state(5, 8));
        reporter.finish();
        CHECK(screen->text().empty());
    }
    ::setenv("TERM", "xterm", 1);
}

TEST_CASE("with quiet there is nothing") {
    Screen terminal(80);
    FakeClock clock;
    {
        Reporter reporter(true, terminal.far.get(), clock.reader());
        reporter.stage("fetching");
        clock.now += std::chrono::minutes(1);
        reporter.progress(state(4, 8));
        reporter.warning("something");
    }
    CHECK(terminal.text().empty());
}
