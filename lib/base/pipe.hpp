#pragma once

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"

namespace osiekit {

// Both ends of a pipe, closed when another program is executed.
struct Pipe {
    Fd read;
    Fd write;
};

// Errors: io (no descriptors left).
Result<Pipe> make_pipe();

}  // namespace osiekit
