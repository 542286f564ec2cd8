#pragma once

#include <functional>
#include <string_view>
#include <thread>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"

namespace osiekit::agent {

// Carries what a program writes to its standard output and error to a callback, line by line, on a
// thread of its own. The program is never blocked for longer than the callback takes.
class OutputPump {
  public:
    using OnLine = std::function<void(bool error, std::string_view line)>;
    static Result<std::unique_ptr<OutputPump>> create(OnLine on_line);
    OutputPump(const OutputPump&) = delete;
    OutputPump& operator=(const OutputPump&) = delete;
    ~OutputPump();

    // The ends for the program. Close them with close_writers() once it is started.
    int stdout_fd() const { return writers_[0].get(); }
    int stderr_fd() const { return writers_[1].get(); }
    void close_writers();
    // Delivers what is still in the pipes and ends, also if somebody keeps them open.
    void finish();

  private:
    explicit OutputPump(OnLine on_line) : on_line_(std::move(on_line)) {}
    void work();

    OnLine on_line_;
    Fd readers_[2];
    Fd writers_[2];
    Fd finish_;
    std::thread thread_;
};

}  // namespace osiekit::agent
