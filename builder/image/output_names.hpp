#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace osiekit::builder {

// Always there beside an image's files.
constexpr std::string_view manifest_name = "manifest.json";

// The files of an image's folder.
struct OutputNames {
    std::string kernel = "vmlinuz";
    std::string initramfs = "initramfs";
};

// The names that the manifest of a folder says; the usual ones if it says none, is not there, or
// says what is no plain file name: it may be anybody's.
OutputNames output_names(const std::filesystem::path& folder);

// "#!ipxe" and the commands that boot the two files from where the script comes from.
std::string ipxe_script(const std::string& image, const OutputNames& names,
                        const std::string& cmdline);

}  // namespace osiekit::builder
