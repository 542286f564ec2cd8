#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "proto/workflow.pb.h"

// What the files about the machine's parts share. Nothing here fails: what cannot be read is empty.
namespace osiekit::agent {

// Devices of one kind that are looked at.
inline constexpr std::size_t max_devices = 1024;
// A file of sysfs holds a page.
inline constexpr std::uint64_t max_attribute_bytes = 4096;

// A file of sysfs in one line: without white space at its ends, control characters made visible, as
// UTF-8. Firmware fills fields that nobody has set with any bytes.
std::string attribute(const std::filesystem::path& path);
std::uint64_t attribute_number(const std::filesystem::path& path);  // 0: no number
std::string attribute_text(std::string_view bytes);

// The entries of a directory, by name; at most so many.
std::vector<std::filesystem::path> entries(const std::filesystem::path& directory,
                                           std::size_t limit = max_devices);

// The serial number in a SCSI disk's page of "vital product data" 80h (SPC-4 section 7.8.13);
// empty: there is none in it.
std::string serial_of_vpd(std::string_view page);

void add_cpu(const std::filesystem::path& root, proto::AgentAttributes& attributes);
void add_memory(const std::filesystem::path& root, proto::AgentAttributes& attributes);
void add_disks(const std::filesystem::path& root, proto::AgentAttributes& attributes);

}  // namespace osiekit::agent
