#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "builder/profile/profile.hpp"

namespace osiekit::builder {

// What is read of one, at most.
constexpr std::size_t largest_manifest = 64U << 20U;

// The files of an image's folder.
struct OutputNames {
    std::string kernel = "vmlinuz";
    std::string initramfs = "initramfs";
};

// The names that the manifest of a folder says; the usual ones if it says none, is not there, or
// says what is no plain file name: it may be anybody's.
OutputNames output_names(const std::filesystem::path& folder);
OutputNames output_names_of(std::string_view manifest);

// "#!ipxe" and the commands that boot the two files from where the script comes from.
std::string ipxe_script(const std::string& image, const OutputNames& names,
                        const std::string& cmdline);

}  // namespace osiekit::builder
