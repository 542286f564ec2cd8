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
#include "lib/bridge/subnet.hpp"

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

std::string resolv_conf(sandbox::Network network, const Logger& log) {
    auto machine = read_file("/etc/resolv.conf");
    if (!machine) return {};
    std::string text = resolv_conf_for(network, *machine);
    if (network == sandbox::Network::bridge && bridge::name_servers(text).empty())
        log.warning(
            "the machine has no name server that an action with an isolated network can reach: one "
            "with an IPv4 address that is not the machine's own loopback");
    return text;
}

Status add_mounts(sandbox::SandboxSpec& spec, const Action& action, const ActionPlaces& places,
                  const Logger& log) {
    VolumePlaces volume_places{places.named_volumes, places.directory / "volumes"};
    std::vector<sandbox::Mount> volumes;
    for (const std::string& text : action.volumes) {
        OSIEKIT_ASSIGN(auto mount, parse_volume(text, volume_places));
        volumes.push_back(std::move(mount));
    }
    const std::array<std::pair<const char*, std::string>, 3> generated = {{
        {"resolv.conf", resolv_conf(spec.network, log)},
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

std::string resolv_conf_for(sandbox::Network network, std::string_view machine) {
    if (network != sandbox::Network::bridge) return std::string(machine);
    std::string text;
    for (std::string_view line : split(machine, '\n')) {
        auto words = split_words(line);
        // The network is of IPv4 alone.
        bool unreachable = words.size() > 1 && words[0] == "nameserver" &&
                           (!Ipv4::parse(words[1]) || words[1].starts_with("127."));
        if (!unreachable && !line.empty()) text += std::string(line) + "\n";
    }
    return text;
}

Result<sandbox::SandboxSpec> make_spec(const ActionPlaces& places, const Action& action,
                                       const Decision& decision, const oci::ImageConfig& image,
                                       const Logger& log) {
    sandbox::SandboxSpec spec;
    spec.level = decision.level;
    spec.limits = decision.limits;
    spec.network = decision.network;
    spec.users = users_of(decision);
    spec.rootfs_is_mapped = decision.user_namespace;  // Rootfs has seen to it
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
    spec.cgroup = plain_name(action.name + "-" + action.action_id);
    OSIEKIT_TRY(add_mounts(spec, action, places, log));
    if (!decision.volumes_without_links) return spec;
    // Volumes are those whose sources may be made; our own files are not.
    for (sandbox::Mount& mount : spec.mounts) mount.source_without_links = mount.create_source;
    return spec;
}

}  // namespace osiekit::agent
