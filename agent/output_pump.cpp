#include "agent/output_pump.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>

#include "agent/line_splitter.hpp"

namespace osiekit::agent {
namespace {

constexpr std::size_t buffer_bytes = 64U << 10U;
// More than pipes hold: what comes later is from somebody who outlived the action.
constexpr std::size_t max_rest_bytes = 4U << 20U;

}  // namespace

Result<std::unique_ptr<OutputPump>> OutputPump::create(OnLine on_line) {
    std::unique_ptr<OutputPump> pump(new OutputPump(std::move(on_line)));
    for (int i = 0; i < 2; ++i) {
        int ends[2];
        if (::pipe2(ends, O_CLOEXEC) != 0) return Error::from_errno("making a pipe");
        pump->readers_[i] = Fd(ends[0]);
        pump->writers_[i] = Fd(ends[1]);
        // Only our end: a program may not expect its output to refuse bytes.
        ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
    }
    pump->finish_ = Fd(::eventfd(0, EFD_CLOEXEC));
    if (!pump->finish_) return Error::from_errno("making an event");
    pump->thread_ = std::thread([raw = pump.get()] { raw->work(); });
    return pump;
}

OutputPump::~OutputPump() {
    finish();
}

void OutputPump::close_writers() {
    for (Fd& writer : writers_) writer.reset();
}

void OutputPump::finish() {
    if (!thread_.joinable()) return;
    close_writers();
    std::uint64_t one = 1;
    [[maybe_unused]] ssize_t n = ::write(finish_.get(), &one, sizeof one);
    thread_.join();
}

void OutputPump::work() {
    std::array<LineSplitter, 2> lines = {
        LineSplitter([this](std::string_view line) { on_line_(false, line); }),
        LineSplitter([this](std::string_view line) { on_line_(true, line); })};
    auto buffer = std::make_unique<std::array<char, buffer_bytes>>();
    std::array<pollfd, 3> wanted = {{{readers_[0].get(), POLLIN, 0},
                                     {readers_[1].get(), POLLIN, 0},
                                     {finish_.get(), POLLIN, 0}}};
    bool finishing = false;
    std::size_t rest = 0;
    while (wanted[0].fd >= 0 || wanted[1].fd >= 0) {
        int ready = ::poll(wanted.data(), wanted.size(), finishing ? 0 : -1);
        if (ready < 0 && errno == EINTR) continue;
        bool moved = false;
        for (std::size_t i = 0; i < 2; ++i) {
            if (wanted[i].fd < 0 || wanted[i].revents == 0) continue;
            ssize_t n = ::read(wanted[i].fd, buffer->data(), buffer->size());
            if (n > 0) {
                lines[i].add({buffer->data(), static_cast<std::size_t>(n)});
                moved = true;
                if (finishing) rest += static_cast<std::size_t>(n);
            } else if (n == 0 || errno != EAGAIN) {
                wanted[i].fd = -1;
            }
        }
        if (finishing && (!moved || rest > max_rest_bytes)) break;
        if (wanted[2].revents != 0) {
            finishing = true;
            wanted[2].fd = -1;
        }
    }
    for (LineSplitter& splitter : lines) splitter.flush();
}

}  // namespace osiekit::agent
