#pragma once

#include <sched.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <future>

namespace osiekit::test {

// Runs the work in a thread that has a network of its own, so that the machine's stays as it is.
// The new network would forward packets where the machine does.
template <typename Work>
auto in_own_network(Work work) {
    return std::async(std::launch::async,
                      [&] {
                          REQUIRE(::unshare(CLONE_NEWNET) == 0);
                          std::ofstream("/proc/sys/net/ipv4/ip_forward") << "0";
                          return work();
                      })
        .get();
}

}  // namespace osiekit::test
