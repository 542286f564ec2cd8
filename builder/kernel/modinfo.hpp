#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"

namespace osiekit::builder {

// What a kernel module says about itself in its section .modinfo: NUL-terminated "key=value".
struct ModuleInfo {
    std::string name;  // with "_"; may be empty in modules of old kernels
    std::vector<std::string> depends;
    std::vector<std::string> aliases;
    std::vector<std::string> softdeps;  // as written: "pre: a b post: c"
    std::vector<std::string> firmware;
    std::string vermagic;
};

// No string of .modinfo is longer in any kernel; longer ones are an error of kind limit.
constexpr std::size_t longest_modinfo_value = 64U << 10U;

// From the section's bytes. Unknown keys are passed over.
Result<ModuleInfo> parse_modinfo(std::string_view section);
// From a whole, uncompressed .ko file.
Result<ModuleInfo> read_modinfo(std::string_view module_file);

// Kernel names treat "-" and "_" alike: the form with "_".
std::string module_name(std::string_view name);
// "kernel/drivers/net/virtio-net.ko.xz" → "virtio_net"; empty if it is no module's file name.
std::string module_name_of_path(std::string_view path);

// The names of a softdep value, "pre:" and "post:" left out, in their order.
std::vector<std::string> softdep_names(std::string_view value);

}  // namespace osiekit::builder
