#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "agent/spool.hpp"
#include "agent/stop_timing.hpp"
#include "agent/syslog.hpp"

// What decides over the output and the end of an action: its lines, the remote log, the stop
// signal.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace osiekit::agent;
    std::string_view text(reinterpret_cast<const char*>(data), size);
    int number = stop_signal(text);
    if (number < 1 || number >= NSIG) std::abort();
    if (auto target = parse_syslog_target(text, 514); target && target->host.empty()) std::abort();
    auto line = parse_output_line(text);
    if (!line) return 0;
    if (line->time.size() + line->text.size() > size) std::abort();
    // No byte of an action forges the header of a message.
    std::string message = format_syslog({line->time, line->error, line->text, line->text, {}});
    if (message.find('\n') != std::string::npos) std::abort();
    return 0;
}
