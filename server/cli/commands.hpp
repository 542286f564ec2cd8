#pragma once

namespace osiekit::tink {

// The program `tink`: reads the command line, calls the server, prints. Returns the exit status:
// 0 done, 1 failed (also: the workflow that was watched failed), 2 wrong usage or input,
// 130 interrupted.
int run(int argc, const char* const* argv);

}  // namespace osiekit::tink
