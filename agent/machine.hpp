#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "proto/workflow.pb.h"

// What the machine is, from /sys and /proc. `root` stands before both paths, so that captured trees
// can be read in tests; nothing here fails: what cannot be read is left out.
namespace osiekit::agent {

// The hardware address of the first Ethernet interface that is a device (lowest index), in lower
// case; empty if there is none.
std::string first_ethernet_address(const std::filesystem::path& root = "/");

proto::AgentAttributes collect_attributes(const std::filesystem::path& root = "/");

// Sizes as the protocol wants them: "32GB", "512MB", rounded up in powers of 1024; nothing for 0.
std::string size_text(std::uint64_t bytes);

}  // namespace osiekit::agent
