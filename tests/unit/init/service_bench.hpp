#pragma once

#include <fcntl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <functional>

#include "init/services/supervisor.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"

namespace osiekit::init::test {

// The loop with SIGCHLD as PID 1 has it, and the log (standard error) in a file.
struct Bench {
    TempDir folder = std::move(*TempDir::create());
    Fd saved_stderr{::dup(STDERR_FILENO)};
    BootLog log;
    EventLoop loop{log};
    Fd signals;
    Supervisor supervisor{loop, log};

    Bench() {
        Result<Fd> file = open_file(folder / "log", O_WRONLY | O_CREAT | O_APPEND);
        REQUIRE(file);
        ::dup2(file->get(), STDERR_FILENO);
        REQUIRE(loop.open());
        sigset_t set;
        ::sigemptyset(&set);
        ::sigaddset(&set, SIGCHLD);
        ::sigprocmask(SIG_BLOCK, &set, nullptr);
        signals = Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
        REQUIRE(loop.watch(signals.get(), [this] {
            signalfd_siginfo info{};
            while (::read(signals.get(), &info, sizeof info) > 0) supervisor.reap();
        }));
    }
    ~Bench() { ::dup2(saved_stderr.get(), STDERR_FILENO); }

    bool has(const std::string& wanted) const {
        return read_file(folder / "log")->find(wanted) != std::string::npos;
    }
    void run_until(const std::function<bool()>& done) {
        std::function<void()> look = [&] {
            if (done()) return loop.stop();
            loop.after(Milliseconds(5), look);
        };
        loop.after(Milliseconds(0), look);
        loop.run();
    }
    // Runs the loop until the log has this text.
    void wait_for(const std::string& wanted) {
        run_until([&] { return has(wanted); });
    }
    void stop_all() {
        supervisor.stop([this] { loop.stop(); });
        if (supervisor.running()) loop.run();
    }
};

}  // namespace osiekit::init::test
