#pragma once

#include <filesystem>

#include "images/kexec/grub.hpp"
#include "lib/base/fd.hpp"

namespace osiekit::images::kexec {

// Hands kernel, initrds (one after another) and arguments to the kernel, which keeps them for
// kexec (kexec_file_load(2)). Errors: io, with what is likely to be wrong.
Status load_kernel(int root, const BootEntry& entry);

// The initrds as one file. Errors: io.
Result<Fd> open_initrds(int root, const std::vector<std::string>& paths);

// Asks the agent to start the loaded kernel once this action's success is acknowledged, by the file
// FOLDER/kexec. Without the folder, which nobody looks into then, the kernel is started at once,
// as Tinkerbell's action does.
Status start_kernel(const std::filesystem::path& folder);

}  // namespace osiekit::images::kexec
