#include <nlohmann/json.hpp>

#include "agent/supervisor.hpp"

namespace osiekit::agent {
namespace {

using nlohmann::json;

json mount_json(const sandbox::Mount& mount) {
    // Every field by name: one that is added does not compile before it is carried over.
    const auto& [source, target, read_only, recursive, create_source, source_without_links] = mount;
    return {{"source", source.string()},      {"target", target.string()},
            {"read_only", read_only},         {"recursive", recursive},
            {"create_source", create_source}, {"source_without_links", source_without_links}};
}

json spec_json(const sandbox::SandboxSpec& spec) {
    // As above. The descriptors are the supervisor's own, and the program dies with it.
    const auto& [level, rootfs, argv, env, cwd, uid, gid, groups, hostname, mounts, host_pid,
                 network, users, rootfs_is_mapped, shares_root, cgroup, limits, die_with_parent,
                 stdout_fd, stderr_fd] = spec;
    const auto& [memory_bytes, processes, cpu_millis, io_bytes_per_second] = limits;
    static_cast<void>(die_with_parent);
    static_cast<void>(stdout_fd);
    static_cast<void>(stderr_fd);
    json list = json::array();
    for (const sandbox::Mount& mount : mounts) list.push_back(mount_json(mount));
    json result = {{"level", sandbox::to_string(level)},
                   {"rootfs", rootfs.string()},
                   {"argv", argv},
                   {"env", env},
                   {"cwd", cwd},
                   {"uid", uid},
                   {"gid", gid},
                   {"groups", groups},
                   {"hostname", hostname},
                   {"mounts", list},
                   {"host_pid", host_pid},
                   {"network", sandbox::to_string(network)},
                   {"cgroup", cgroup}};
    result["rootfs_is_mapped"] = rootfs_is_mapped;
    result["shares_root"] = shares_root;
    if (users) {
        const auto& [first_user, first_group, count] = *users;
        result["users"] = {first_user, first_group, count};
    }
    if (memory_bytes) result["memory_bytes"] = *memory_bytes;
    if (processes) result["processes"] = *processes;
    if (cpu_millis) result["cpu_millis"] = *cpu_millis;
    if (io_bytes_per_second) result["io_bytes_per_second"] = *io_bytes_per_second;
    return result;
}

Result<sandbox::SandboxSpec> spec_from(const json& value) {
    sandbox::SandboxSpec spec;
    OSIEKIT_ASSIGN(spec.level, sandbox::parse_level(value.at("level").get<std::string>()));
    spec.rootfs = value.at("rootfs").get<std::string>();
    value.at("argv").get_to(spec.argv);
    value.at("env").get_to(spec.env);
    value.at("cwd").get_to(spec.cwd);
    value.at("uid").get_to(spec.uid);
    value.at("gid").get_to(spec.gid);
    value.at("groups").get_to(spec.groups);
    value.at("hostname").get_to(spec.hostname);
    for (const json& each : value.at("mounts")) {
        sandbox::Mount mount;
        mount.source = each.at("source").get<std::string>();
        mount.target = each.at("target").get<std::string>();
        each.at("read_only").get_to(mount.read_only);
        each.at("recursive").get_to(mount.recursive);
        each.at("create_source").get_to(mount.create_source);
        each.at("source_without_links").get_to(mount.source_without_links);
        spec.mounts.push_back(std::move(mount));
    }
    value.at("host_pid").get_to(spec.host_pid);
    OSIEKIT_ASSIGN(spec.network, sandbox::parse_network(value.at("network").get<std::string>()));
    value.at("cgroup").get_to(spec.cgroup);
    value.at("rootfs_is_mapped").get_to(spec.rootfs_is_mapped);
    value.at("shares_root").get_to(spec.shares_root);
    if (value.contains("users")) {
        const json& users = value.at("users");
        spec.users = sandbox::UserMap{users.at(0).get<uid_t>(), users.at(1).get<gid_t>(),
                                      users.at(2).get<std::uint32_t>()};
    }
    auto limit = [&](const char* key, auto& target) {
        if (value.contains(key))
            target = value.at(key).get<typename std::decay_t<decltype(target)>::value_type>();
    };
    limit("memory_bytes", spec.limits.memory_bytes);
    limit("processes", spec.limits.processes);
    limit("cpu_millis", spec.limits.cpu_millis);
    limit("io_bytes_per_second", spec.limits.io_bytes_per_second);
    return spec;
}

}  // namespace

std::string encode(const SupervisorRequest& request) {
    json value = {{"spec", spec_json(request.spec)},      {"entry", encode(request.entry)},
                  {"deadline", request.deadline.count()}, {"timeout", request.timeout.count()},
                  {"stop_signal", request.stop_signal},   {"grace", request.grace.count()}};
    std::string bytes;
    json::to_cbor(value, bytes);
    return bytes;
}

Result<SupervisorRequest> decode_supervisor_request(std::string_view bytes) {
    try {
        json value = json::from_cbor(bytes.begin(), bytes.end());
        SupervisorRequest request;
        OSIEKIT_ASSIGN(request.spec, spec_from(value.at("spec")));
        OSIEKIT_ASSIGN(request.entry, decode_journal_entry(value.at("entry").get<std::string>()));
        request.deadline = std::chrono::milliseconds(value.at("deadline").get<std::int64_t>());
        request.timeout = std::chrono::milliseconds(value.at("timeout").get<std::int64_t>());
        request.grace = std::chrono::milliseconds(value.at("grace").get<std::int64_t>());
        request.stop_signal = value.at("stop_signal").get<int>();
        return request;
    } catch (const json::exception& error) {
        return Error(ErrorKind::invalid_input,
                     std::string("the supervisor's request is damaged: ") + error.what());
    }
}

}  // namespace osiekit::agent
