#pragma once

namespace osiekit {

// Whether colours may be written to this descriptor: it is a terminal that is not called "dumb"
// (TERM), and the environment has no NO_COLOR (https://no-color.org).
bool wants_colour(int fd);

// Whether a line can be written over again: it is a terminal, and TERM does not call it "dumb" or
// nothing.
bool rewrites_lines(int fd);

// How many columns the terminal has; 80 where it does not say.
unsigned terminal_columns(int fd);

}  // namespace osiekit
