#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/sandbox/sandbox.hpp"

// A service of a machine's image that is not to have the whole machine: what the builder writes
// down of it, and what init starts.
namespace osiekit::sandbox {

// It runs from the machine's own root (SandboxSpec::shares_root).
struct ServiceSandbox {
    Level level = Level::restricted;
    Limits limits;
    uid_t uid = 0;
    gid_t gid = 0;
    std::string home = "/root";         // $HOME
    Network network = Network::host;    // or none: init makes no bridges
    std::vector<std::string> writable;  // paths of the machine, without links; made if missing

    bool operator==(const ServiceSandbox&) const = default;
};

inline constexpr std::size_t most_writable = 64;

// $PATH, $HOME and $TERM of a service.
std::vector<std::string> service_environment(const std::string& home);

// For make_plan(), which checks it. Its output goes to `output`; its cgroup is "service-NAME".
SandboxSpec service_spec(const std::string& name, const std::vector<std::string>& command,
                         const ServiceSandbox& service, int output);

// The value of a service's "sandbox" in /etc/osie/init.json.
nlohmann::json service_to_json(const ServiceSandbox& service);
// Errors: kind invalid_input, naming the key; limit. Unknown keys are errors: one that is not
// understood would keep nothing away.
Result<ServiceSandbox> service_from_json(const nlohmann::json& value);

}  // namespace osiekit::sandbox
