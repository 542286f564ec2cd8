#include <cstdint>
#include <cstdlib>

#include "builder/profile/profile.hpp"
#include "builder/tree.hpp"

using namespace osiekit;
using namespace osiekit::builder;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto profile = parse_profile({reinterpret_cast<const char*>(data), size}, "p.yaml", "/site");
    if (!profile) {
        if (profile.error().message().rfind("p.yaml:", 0) != 0) std::abort();
        return 0;
    }
    for (const FileSpec& file : profile->files)
        if (!checked_path(file.path) || file.mode > 07777) std::abort();
    for (const ProgramSpec& program : profile->programs)
        if (program.name.find('/') != std::string::npos) std::abort();
    return 0;
}
