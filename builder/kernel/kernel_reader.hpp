#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "builder/cache/byte_source.hpp"
#include "builder/kernel/module_set.hpp"
#include "builder/packages/package.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// What a kernel package holds, without the bytes of its modules.
struct KernelContents {
    // Empty: no kernel in it. Debian's is in the name of the kernel's file; Alpine calls that by
    // its flavour ("vmlinuz-virt"), and the folder of the modules has it.
    std::string version;
    std::string vmlinuz;
    std::int64_t built = 0;  // when, seconds since 1970, as the package says
    std::string config;      // boot/config-VERSION, may be empty
    std::string copyright;   // usr/share/doc/PACKAGE/copyright, may be empty
    std::string builtin;     // modules.builtin
    std::string order;       // modules.order
    std::vector<KernelModule> modules;
};

// Reads a kernel package in one pass. `on_module` gets the plain bytes of each module and may drop
// them. `bytes`, where it is not null, has a Debian package in place of its file. Errors: as
// read_deb, and invalid_input (two kernels in one package; modules of another version; a module
// that is no ELF file).
Result<KernelContents> read_kernel_package(
    const LocatedPackage& package, ByteSource* bytes,
    const std::function<Status(const KernelModule&, std::string&& bytes)>& on_module,
    const std::function<bool()>& cancelled);

// "CONFIG_NAME=y" in the text of a kernel configuration.
bool kernel_config_enabled(const std::string& config, const std::string& name);

// The suffixes of compressed firmware that a kernel of this configuration reads, ".xz" and ".zst";
// both if the configuration is not known (empty).
std::set<std::string> firmware_suffixes(const std::string& config);

}  // namespace osiekit::builder
