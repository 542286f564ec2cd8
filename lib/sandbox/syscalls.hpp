#pragma once

#include <cstddef>
#include <string_view>

#include "lib/sandbox/sandbox.hpp"

// The policy about system calls, as a table. The filters are generated from it when osiekit is
// built (generate_filters.cpp); docs/sandbox.md explains it. A call that is in no group, such as
// one newer than this table, answers ENOSYS, so that C libraries take their older way
// (moby/moby#42871).
namespace osiekit::sandbox {

enum class CallGroup {
    ordinary,  // every level
    keys,  // disk and above; ENOSYS below: kernel keyrings, and clone3 whose flags no filter can
           // see
    mounting,  // disk and above; EPERM below
    kexec,     // kexec and host; EPERM below
    machine,   // host; EPERM below
    never,     // EPERM everywhere: reach into the kernel that no installer needs
    absent,    // ENOSYS everywhere: obsolete, or (io_uring) a way around the filters
    i386,      // only 32-bit programs have it, and those run at level host only
};

struct Call {
    std::string_view name;
    CallGroup group;
};

// All calls, each once; `count` receives their number.
const Call* call_table(std::size_t& count);

// What a filter answers: 0 allows, else the errno.
int answer(Level level, CallGroup group);

}  // namespace osiekit::sandbox
