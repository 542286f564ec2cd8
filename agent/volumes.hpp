#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"
#include "lib/sandbox/sandbox.hpp"

namespace osiekit::agent {

// Where volumes without a path on the machine live.
struct VolumePlaces {
    std::filesystem::path named;      // NAME:/target: kept for the actions that follow
    std::filesystem::path anonymous;  // /target: gone with the action
};

// One of Docker's volumes: host:container[:options], name:container[:options] or container. A
// missing directory of the machine is made with mode 0755. Options: ro, rw, bind (what is mounted
// below stays out), rbind; others that Docker knows are accepted without effect.
Result<sandbox::Mount> parse_volume(std::string_view text, const VolumePlaces& places);

}  // namespace osiekit::agent
