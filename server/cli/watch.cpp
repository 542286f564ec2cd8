#include "server/cli/watch.hpp"

#include <chrono>
#include <cstdio>
#include <thread>

namespace osiekit::tink {
namespace {

constexpr std::chrono::milliseconds pause{500};

void print(const std::string& line) {
    std::fwrite(line.data(), 1, line.size(), stdout);
    std::fflush(stdout);
}

}  // namespace

Result<bool> print_events(Client& client, WatchOptions options, const Style& style) {
    bool finished = false;
    bool failed = false;
    bool connected = true;
    auto handler = [&](const Json& event) {
        if (!std::exchange(connected, true)) std::fprintf(stderr, "tink: connected again\n");
        options.from_sequence = event["sequence"].get<std::uint64_t>() + 1;
        print(event_line(event, style));
        if (options.workflow.empty() || event["kind"] != "workflow.finished") return true;
        finished = true;
        failed = event.value("/detail/state"_json_pointer, "") != "SUCCESS";
        return !options.follow;
    };
    while (true) {
        auto done = client.events(options, handler);
        if (done && (finished || !options.follow)) return failed && options.follow;
        if (!done && (!options.follow || done.error().kind() != ErrorKind::network))
            return std::move(done).error();
        if (std::exchange(connected, false))
            std::fprintf(stderr, "tink: the connection is lost, trying again\n");
        std::this_thread::sleep_for(pause);
    }
}

}  // namespace osiekit::tink
