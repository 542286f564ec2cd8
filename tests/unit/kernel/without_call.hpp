#pragma once

#include <seccomp.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <future>

namespace osiekit::test {

// Runs the work in a thread to which, and to whose children, the kernel seems to lack a system
// call: a filter answers ENOSYS, as container runtimes do and an older kernel would. Needs root.
template <typename Work>
auto without_call(int call, Work work) {
    return std::async(std::launch::async,
                      [&] {
                          scmp_filter_ctx filter = ::seccomp_init(SCMP_ACT_ALLOW);
                          REQUIRE(filter != nullptr);
                          // Setuid programs and capabilities stay as they are.
                          REQUIRE(::seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0) == 0);
                          REQUIRE(::seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), call, 0) == 0);
                          REQUIRE(::seccomp_load(filter) == 0);
                          ::seccomp_release(filter);
                          return work();
                      })
        .get();
}

}  // namespace osiekit::test
