#pragma once

#include <string>
#include <string_view>

#include "lib/base/result.hpp"
#include "server/netboot/netboot.hpp"

namespace osiekit::netboot::ipxe {

// COMMAND_LINE_SIZE of x86 less the NUL; a longer one would lose its end without a word.
constexpr std::size_t largest_kernel_command_line = 2047;
constexpr std::size_t largest_script_text = 64 << 10;

// The script for a machine: our boot script, the one that leaves iPXE for the disk, or the one of
// the hardware record. iPXE has no quoting: words are split at blanks, "||", "&&", ";" and "#" have
// a meaning as words, and "${" always. So whatever could add a command is refused with an error of
// kind invalid_input that names the field. `settings` has public_http_url and grpc_authority filled
// in. `image_arguments` are those that the builder of the server's own image chose.
Result<std::string> script(const Machine& machine, const Settings& settings,
                           std::string_view image_arguments = {});

// Whether the machine boots the image of the server's own folder, not one that its record names.
bool boots_own_image(const Machine& machine);

// The kernel's arguments: the image's own first, so that all others override them, then in the
// order of Tinkerbell's smee, the operator's and the machine's last. The consoles of the image
// count where neither the operator nor the record names one; ours where nobody does.
Result<std::string> kernel_arguments(const Machine& machine, const Settings& settings,
                                     std::string_view image_arguments = {});

}  // namespace osiekit::netboot::ipxe
