#pragma once

#include <filesystem>
#include <string>

#include "agent/action.hpp"
#include "agent/policy.hpp"
#include "lib/base/log.hpp"
#include "lib/base/result.hpp"
#include "lib/oci/manifest.hpp"
#include "lib/sandbox/sandbox.hpp"

namespace osiekit::agent {

// Where an action finds what is not in its image.
struct ActionPlaces {
    std::filesystem::path directory;      // of this action alone: root/ is its root
    std::filesystem::path named_volumes;  // NAME:/target lives below it
};

// The sandbox for an action of this image: Docker's meaning of the image's configuration, the
// action's volumes, the files /etc/resolv.conf, hosts and hostname, and what the policy has
// decided.
Result<sandbox::SandboxSpec> make_spec(const ActionPlaces& places, const Action& action,
                                       const Decision& decision, const oci::ImageConfig& image,
                                       const Logger& log);

// /etc/resolv.conf for a sandbox with this network, from the machine's: its loopback is not the
// machine's, so name servers there are left out.
std::string resolv_conf_for(sandbox::Network network, std::string_view machine);

// Letters that file and cgroup names have everywhere; others become '_', at most 100 bytes.
std::string plain_name(const std::string& text);

}  // namespace osiekit::agent
