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
// action's volumes and namespaces, and the files /etc/resolv.conf, hosts and hostname. Level and
// limits are the caller's to change.
Result<sandbox::SandboxSpec> make_spec(const ActionPlaces& places, const Action& action,
                                       const oci::ImageConfig& image, const Logger& log);

// What the policy says of the action, into its specification.
void apply(const Decision& decision, sandbox::SandboxSpec& spec);

// Letters that file and cgroup names have everywhere; others become '_', at most 100 bytes.
std::string plain_name(const std::string& text);

}  // namespace osiekit::agent
