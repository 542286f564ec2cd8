#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "agent/policy.hpp"

using namespace osiekit;
using namespace osiekit::agent;

// What is accepted decides about every image, and never admits more than its rule says.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto policy = parse_policy({reinterpret_cast<const char*>(data), size});
    if (!policy) return 0;
    if (policy->rules.empty() || !policy->rules.back().images.empty()) std::abort();
    static const auto image = oci::Reference::parse("registry.example/actions/disk:v1").value();
    Action action;
    action.image = image.to_string();
    action.volumes = {"/dev:/dev", "data:/data"};
    action.pid_namespace = "host";
    auto decision = decide(*policy, action, image);
    if (!decision && decision.error().kind() != ErrorKind::refused) std::abort();
    if (decision && decision->verify == Verify::digest && decision->digests.empty()) std::abort();
    return 0;
}
