#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "init/system/boot_log.hpp"
#include "lib/base/result.hpp"

namespace osiekit::init {

// Machines come with clocks that say 1970 or 2080, and TLS fails on them. Sets the clock to `built`
// (seconds since 1970, when the image was made) if it is before that; 0 means unknown.
Status apply_clock_floor(std::int64_t built, const BootLog& log);

// One SNTP exchange (RFC 4330). Times are nanoseconds since 1970.
constexpr std::size_t sntp_packet = 48;
std::string sntp_request(std::uint64_t cookie);
// The server's time. Refused: anything but an answer of a synchronised server to the request with
// that cookie. Errors: kind invalid_input.
Result<std::int64_t> parse_sntp_reply(std::string_view bytes, std::uint64_t cookie);

// Asks the servers one after the other, each a few times, on a thread of its own, and sets the
// clock by the first answer when it is off by more than half a second. Says what it did. `log` must
// live as long as the program.
void set_clock_in_background(std::vector<std::string> servers, const BootLog& log);

}  // namespace osiekit::init
