#include "lib/base/fd.hpp"

#include <unistd.h>

namespace osiekit {

void Fd::reset() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
}

}  // namespace osiekit
