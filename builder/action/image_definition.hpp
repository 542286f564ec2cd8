#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"

namespace osiekit::action {

// An image.yaml:
//     name: writefile                  # required; lower-case letters, digits, '-', '_', '.'
//     program: writefile               # required; a file name in the folder of the programs
//     entrypoint: [/writefile]         # default: /PROGRAM
//     env: {NAME: value}
//     labels: {org.opencontainers.image.title: writefile}
struct ImageDefinition {
    std::string name;
    std::string program;
    std::vector<std::string> entrypoint;
    std::map<std::string, std::string> env;
    std::map<std::string, std::string> labels;
};

constexpr std::size_t longest_definition = 64U << 10U;  // bytes

// Errors are kind invalid_input (limit for one that is too long) and begin with "FILE:LINE: ".
Result<ImageDefinition> parse_image_definition(std::string_view text, const std::string& file);

}  // namespace osiekit::action
