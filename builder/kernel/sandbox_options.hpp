#pragma once

#include <set>
#include <string>
#include <vector>

#include "lib/sandbox/service.hpp"

namespace osiekit::builder {

// The options of a kernel's configuration ("CONFIG_MEMCG") that this sandbox needs: without the
// first ones it cannot be made, without those of limits they would bound nothing.
std::vector<std::string> options_of_sandbox(const sandbox::ServiceSandbox& service);

// Of all that a sandbox may need, what a kernel of this configuration lacks; nothing if the
// configuration is not known (empty).
std::set<std::string> lacking_options(const std::string& config);

}  // namespace osiekit::builder
