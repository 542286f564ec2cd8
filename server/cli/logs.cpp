#include "server/cli/logs.hpp"

#include <chrono>
#include <cstdio>
#include <map>
#include <thread>

namespace osiekit::tink {
namespace {

constexpr std::chrono::milliseconds pause{500};

void print(const std::string& line) {
    std::fwrite(line.data(), 1, line.size(), stdout);
}

// Knows of each run which line comes next.
class Printer {
  public:
    explicit Printer(const Style& style) : style_(style) {}

    void print_record(const Json& record) {
        std::string run =
            record["action_id"].get<std::string>() + " " + record["run"].get<std::string>();
        std::uint64_t number = record["first_line"].get<std::uint64_t>();
        std::uint64_t& next = next_[run];
        if (number > next) print(missing_line(record, number - next, style_));
        for (const Json& line : record["lines"]) print(log_line(record, number++, line, style_));
        next = number;
        std::fflush(stdout);
    }

  private:
    const Style& style_;
    std::map<std::string, std::uint64_t> next_;
};

}  // namespace

Status print_logs(Client& client, LogOptions options, const Style& style) {
    Printer printer(style);
    bool connected = true;
    auto handler = [&](const Json& record) {
        if (!std::exchange(connected, true)) std::fprintf(stderr, "tink: connected again\n");
        printer.print_record(record);
        options.from_sequence = record["sequence"].get<std::uint64_t>() + 1;
    };
    while (true) {
        auto done = client.logs(options, handler);
        if (done && options.from_sequence == 0)
            std::fprintf(stderr, "tink: no output of it is kept\n");
        if (done || !options.follow || done.error().kind() != ErrorKind::network) return done;
        if (std::exchange(connected, false))
            std::fprintf(stderr, "tink: the connection is lost, trying again\n");
        std::this_thread::sleep_for(pause);
    }
}

}  // namespace osiekit::tink
