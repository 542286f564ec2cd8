#pragma once

#include <string>
#include <vector>

#include "agent/action.hpp"
#include "agent/users.hpp"
#include "lib/base/result.hpp"
#include "lib/oci/manifest.hpp"

namespace osiekit::agent {

// What of an image's configuration and an action makes a process, as Docker understands them.
struct ImageProcess {
    std::vector<std::string> argv;
    std::vector<std::string> env;
    std::string cwd = "/";
};

// The action's command replaces the image's Cmd and follows its Entrypoint. The environment is the
// image's, overridden by the action's; PATH, HOME and HOSTNAME are added where they are missing.
// Error (invalid_input) if there is nothing to run or a variable has no name.
Result<ImageProcess> make_process(const oci::ImageConfig& image, const Action& action,
                                  const UserIdentity& user, const std::string& hostname);

}  // namespace osiekit::agent
