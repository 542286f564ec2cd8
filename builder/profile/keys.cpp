#include "builder/profile/keys.hpp"

#include "builder/profile/inherit.hpp"
#include "lib/sandbox/limits.hpp"

namespace osiekit::builder {

const std::map<std::string, std::vector<std::string>>& profile_keys() {
    static const std::map<std::string, std::vector<std::string>> keys = {
        {"", {"name",        "arch",     "extends",     "variables", "remove",   "kernel",
              "packages",    "alpine",   "modules",     "files",     "trees",    "images",
              "directories", "symlinks", "users",       "sysctl",    "agent",    "services",
              "init",        "programs", "compression", "libraries", "firmware", "outputs"}},
        {"remove", removable_keys()},
        {"kernel", {"package", "repository", "cmdline"}},
        {"alpine", {"mirror", "branch", "repositories", "keys"}},
        {"packages", {"debian", "alpine", "exclude", "no-deps"}},
        {"modules", {"load", "include"}},
        {"files[]", {"path", "content", "source", "template", "libraries", "mode", "owner"}},
        {"trees[]", {"source", "path", "owner"}},
        {"images[]", {"name", "source"}},
        {"directories[]", {"path", "mode", "owner"}},
        {"symlinks[]", {"path", "target"}},
        {"users[]", {"name", "uid", "gid", "group", "home", "shell"}},
        {"libraries", {"optional"}},
        {"outputs", {"kernel", "initramfs", "ipxe", "spdx", "cyclonedx", "provenance"}},
        {"agent", {"server", "registry", "insecure-registries", "policy", "registries"}},
        {"services[]", {"name", "command", "sandbox", "limits", "network", "user", "writable"}},
        {"services[].limits", {sandbox::limit_names.begin(), sandbox::limit_names.end()}},
        {"init", {"hostname", "ntp", "services"}},
        {"compression", {"method", "level", "window"}}};
    return keys;
}

const std::vector<std::string>& keys_of(const std::string& place) {
    return profile_keys().at(place);
}

}  // namespace osiekit::builder
