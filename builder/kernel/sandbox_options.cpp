#include "builder/kernel/sandbox_options.hpp"

#include "builder/kernel/kernel_reader.hpp"

namespace osiekit::builder {

std::vector<std::string> options_of_sandbox(const sandbox::ServiceSandbox& service) {
    std::vector<std::string> options = {"CONFIG_SECCOMP_FILTER", "CONFIG_PID_NS", "CONFIG_IPC_NS",
                                        "CONFIG_UTS_NS"};
    if (service.network != sandbox::Network::host) options.emplace_back("CONFIG_NET_NS");
    const sandbox::Limits& limits = service.limits;
    if (limits.memory_bytes) options.emplace_back("CONFIG_MEMCG");
    if (limits.processes) options.emplace_back("CONFIG_CGROUP_PIDS");
    if (limits.cpu_millis) options.emplace_back("CONFIG_CFS_BANDWIDTH");
    if (limits.io_bytes_per_second) options.emplace_back("CONFIG_BLK_DEV_THROTTLING");
    return options;
}

std::set<std::string> lacking_options(const std::string& config) {
    if (config.empty()) return {};
    sandbox::ServiceSandbox everything;
    everything.network = sandbox::Network::none;
    everything.limits = {1, 1, 1, 1};
    std::set<std::string> lacking;
    for (std::string& option : options_of_sandbox(everything))
        if (!kernel_config_enabled(config, option)) lacking.insert(std::move(option));
    return lacking;
}

}  // namespace osiekit::builder
