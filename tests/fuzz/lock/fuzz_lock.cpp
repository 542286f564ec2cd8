#include <cstdint>
#include <cstdlib>

#include "builder/lock/lock.hpp"
#include "builder/lock/lock_diff.hpp"

using namespace osiekit::builder;

// What was read comes back the same when it is written and read again, and names no place outside
// of a mirror.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto lock = parse_lock({reinterpret_cast<const char*>(data), size}, "l");
    if (!lock) {
        if (lock.error().message().rfind("l:", 0) != 0) std::abort();
        return 0;
    }
    for (const LockedPackage& package : lock->packages)
        if (package.location.front() == '/' || package.location.find("..") == 0) std::abort();
    sort_lock(*lock);
    auto again = parse_lock(lock_text(*lock), "l");
    if (!again || !(*again == *lock)) std::abort();
    if (!diff_locks(*lock, *again).empty()) std::abort();
    return 0;
}
