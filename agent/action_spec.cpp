#include "agent/action_spec.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "agent/image_process.hpp"
#include "agent/users.hpp"
#include "agent/volumes.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::agent {
namespace {

std::string host_name() {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
    return name.data();
}

bool mounts_over(const std::vector<sandbox::Mount>& mounts, const std::filesystem::path& target) {
    return std::any_of(mounts.begin(), mounts.end(), [&](const sandbox::Mount& mount) {
        return mount.target.lexically_normal() == target;
    });
}

Status add_mounts(sandbox::SandboxSpec& spec, const Action& action, const ActionPlaces& places) {
    VolumePlaces volume_places{places.named_volumes, places.directory / "volumes"};
    std::vector<sandbox::Mount> volumes;
    for (const std::string& text : action.volumes) {
        OSIEKIT_ASSIGN(auto mount, parse_volume(text, volume_places));
        volumes.push_back(std::move(mount));
    }
    auto resolv = read_file("/etc/resolv.conf");
    const std::array<std::pair<const char*, std::string>, 3> generated = {{
        {"resolv.conf", resolv ? *resolv : std::string()},
        {"hosts", "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n127.0.1.1 " +
                      spec.hostname + "\n"},
        {"hostname", spec.hostname + "\n"},
    }};
    for (const auto& [name, content] : generated) {
        auto target = std::filesystem::path("/etc") / name;
        if (mounts_over(volumes, target)) continue;
        OSIEKIT_TRY(write_file(places.directory / name, content, 0644));
        sandbox::Mount mount;
        mount.source = places.directory / name;
        mount.target = target;
        mount.read_only = true;
        spec.mounts.push_back(std::move(mount));
    }
    spec.mounts.insert(spec.mounts.end(), volumes.begin(), volumes.end());
    return {};
}

}  // namespace

std::string plain_name(const std::string& text) {
    std::string name = text.substr(0, 100);
    for (char& c : name) {
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '_' || c == '.' || c == '-';
        if (!plain) c = '_';
    }
    return name.empty() || name.front() == '.' ? "_" + name : name;
}

void apply(const Decision& decision, sandbox::SandboxSpec& spec) {
    spec.level = decision.level;
    spec.limits = decision.limits;
    if (decision.network == sandbox::Network::none) spec.network = sandbox::Network::none;
    if (!decision.volumes_without_links) return;
    // Volumes are those whose sources may be made; our own files are not.
    for (sandbox::Mount& mount : spec.mounts) mount.source_without_links = mount.create_source;
}

Result<sandbox::SandboxSpec> make_spec(const ActionPlaces& places, const Action& action,
                                       const oci::ImageConfig& image, const Logger& log) {
    sandbox::SandboxSpec spec;
    // Existing actions were written for privileged containers.
    spec.level = sandbox::Level::host;
    spec.rootfs = places.directory / "root";
    OSIEKIT_ASSIGN(Fd root, open_file(spec.rootfs, O_PATH | O_DIRECTORY));
    OSIEKIT_ASSIGN(auto user, look_up_user_in_root(image.user, root.get()));
    spec.uid = user.uid;
    spec.gid = user.gid;
    spec.groups = user.groups;
    spec.hostname = host_name();
    OSIEKIT_ASSIGN(auto process, make_process(image, action, user, spec.hostname));
    spec.argv = process.argv;
    spec.env = process.env;
    spec.cwd = process.cwd;
    spec.host_pid = action.pid_namespace == "host";
    if (!spec.host_pid && !action.pid_namespace.empty())
        log.warning("the PID namespace \"" + printable(action.pid_namespace) +
                    "\" is not known; the action gets its own");
    if (action.network_namespace == "none")
        spec.network = sandbox::Network::none;
    else if (!action.network_namespace.empty() && action.network_namespace != "host")
        log.warning("the network namespace \"" + printable(action.network_namespace) +
                    "\" is not known; the action shares the machine's");
    spec.cgroup = plain_name(action.name + "-" + action.action_id);
    OSIEKIT_TRY(add_mounts(spec, action, places));
    return spec;
}

}  // namespace osiekit::agent
