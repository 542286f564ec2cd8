#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "lib/base/result.hpp"

// A layer may hold "etc/hosts" without "etc". Unpacked into one tree, as umoci does it, the folder
// keeps what a lower layer says of it. Layers that are stacked hide that: the topmost folder
// counts, and one that was only made for its content has nothing to say. containerd copies the
// lower folder's attributes when it unpacks the upper layer; here a layer is shared by images with
// different lower ones, so it is only noted, and put right for each action.
namespace osiekit::oci {

// Of all layers of an image together, counted for each layer: every one is looked for in every
// layer before an action starts.
inline constexpr std::size_t max_implied_directories = 100'000;

// Where the store at STORE/layers/HEX notes what was implied: STORE/implied/HEX.
std::filesystem::path implied_record(const std::filesystem::path& layer);

// The folders of a layer that it has no entry for, "" for its root; relative paths without links in
// them. Few or none: builders write entries.
Status note_implied(const std::filesystem::path& layer, const std::vector<std::string>& paths);
Result<std::vector<std::string>> implied_directories(const std::filesystem::path& layer);

// Makes those folders in `upper`, which lies over the layers (lowest first), that the layers imply
// and lower ones state: with the owner, mode, times and attributes of the topmost layer that states
// them. What is hidden on the way (whiteouts, opaque folders, other files) has no say. Errors:
// limit (max_implied_directories), io.
Status restate_directories(const std::vector<std::filesystem::path>& layers,
                           const std::filesystem::path& upper);

}  // namespace osiekit::oci
