#pragma once

#include <string>
#include <string_view>

#include "init/settings.hpp"
#include "lib/base/result.hpp"
#include "lib/sandbox/sandbox.hpp"

namespace osiekit::init {

// Starts a service that has a sandbox; its output goes to the descriptor. Returns within some
// milliseconds, at worst (a dead disk) some seconds; throws nothing. Call it from the thread that
// lives as long as the machine.
Result<sandbox::Running> start_confined(const ServiceSpec& service, int output);

// Asks it to end as SIGTERM would. The first process of a PID namespace gets that signal only if it
// has something to do with it: another one is ended, with all that belongs to it.
void ask_to_end(sandbox::Running& service);

// Whether a process catches, ignores or blocks the signal, by the text of its /proc/PID/status.
bool minds_signal(std::string_view status, int signal);

}  // namespace osiekit::init
