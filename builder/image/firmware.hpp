#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "builder/profile/profile.hpp"
#include "builder/tree.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// Names of firmware files, relative to /lib/firmware, that a module says it may ask for (modinfo's
// "firmware"; some are patterns), by module.
using ModuleFirmware = std::map<std::string, std::vector<std::string>>;

// Whether a path (without a leading "/") is below /lib/firmware or /usr/lib/firmware.
bool is_firmware(std::string_view path);

// Whether select_firmware() could leave anything of a package out.
bool holds_firmware(const Tree& package);

// A text that differs where select_firmware() would; empty where it takes everything.
std::string firmware_key(const FirmwareSpec& spec, const ModuleFirmware& asked);

// A package's files without the firmware that the profile does not want. A file that is wanted may
// be compressed; what a symlink leads to stays with it.
Result<Tree> select_firmware(const Tree& package, const FirmwareSpec& spec,
                             const ModuleFirmware& asked);

struct MissingFirmware {
    ModuleFirmware missing;               // not in the image in a form that the kernel reads
    std::vector<std::string> unreadable;  // there, but compressed in a way that it does not read
};

// `readable` are the suffixes of compressed firmware that the kernel reads: ".xz", ".zst".
MissingFirmware missing_firmware(const Tree& image, const ModuleFirmware& asked,
                                 const std::set<std::string>& readable);

// Every pattern of the profile has to fit something in the image. Errors: not_found with its place.
Status check_patterns(const Tree& image, const FirmwareSpec& spec);

// What a build says of it; empty: nothing is missing.
std::vector<std::string> firmware_warnings(const MissingFirmware& missing);

}  // namespace osiekit::builder
