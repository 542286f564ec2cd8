#include "lib/base/pipe.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>

namespace osiekit {

Result<Pipe> make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error::from_errno("cannot make a pipe");
    return Pipe{Fd(ends[0]), Fd(ends[1])};
}

}  // namespace osiekit
