#include "agent/policy.hpp"

#include <algorithm>

#include "agent/volumes.hpp"
#include "lib/base/text.hpp"

namespace osiekit::agent {
namespace {

constexpr std::uint64_t strict_processes = 4096;
constexpr std::string_view registries_rule = "registries";
constexpr std::string_view namespaces_rule = "namespaces";

Error refusal(std::string_view rule, const std::string& why) {
    return {ErrorKind::refused, "policy rule \"" + std::string(rule) + "\" refuses: " + why};
}

bool fits(const std::vector<std::string>& patterns, std::string_view text) {
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](const std::string& pattern) { return matches(pattern, text); });
}

// The part of a volume's text that names the machine's side: a path without "." and "..", or a
// volume's name; empty for an anonymous volume, which is nobody else's.
struct Asked {
    std::string source;
    bool read_only = false;
};

Result<Asked> asked_of(const std::string& text) {
    static const VolumePlaces places{"/named", "/anonymous"};
    OSIEKIT_ASSIGN(sandbox::Mount mount, parse_volume(text, places));
    auto parts = split(text, ':');
    Asked asked;
    asked.read_only = mount.read_only;
    if (parts.size() == 1) return asked;
    asked.source = parts[0];
    if (asked.source.front() == '/') {
        asked.source = mount.source.lexically_normal().string();
        while (asked.source.size() > 1 && asked.source.back() == '/') asked.source.pop_back();
    }
    return asked;
}

Status check_volume(const PolicyRule& rule, const std::string& text) {
    OSIEKIT_ASSIGN(Asked asked, asked_of(text));
    if (asked.source.empty()) return {};
    bool only_reading = false;
    for (const VolumePermit& permit : *rule.volumes) {
        if (!matches(permit.pattern, asked.source)) continue;
        if (!permit.read_only || asked.read_only) return {};
        only_reading = true;
    }
    std::string volume = "the volume \"" + printable(text) + "\"";
    if (only_reading) return refusal(rule.name, volume + " may only be asked for with :ro");
    return refusal(rule.name, volume + " is not among those that may be asked for");
}

Status check_requests(const PolicyRule& rule, const Action& action) {
    if (rule.volumes)
        for (const std::string& text : action.volumes) OSIEKIT_TRY(check_volume(rule, text));
    if (!action.pid_namespace.empty() && action.pid_namespace != "host")
        return refusal(namespaces_rule, "the PID namespace \"" + printable(action.pid_namespace) +
                                            "\" is not known, only host is");
    if (!rule.host_pid && action.pid_namespace == "host")
        return refusal(rule.name, "the machine's PID namespace may not be asked for");
    if (rule.user_namespace && action.pid_namespace == "host")
        return refusal(rule.name, "in a user namespace the machine's processes cannot be seen");
    return {};
}

// Docker's names; another container's network, or one with a name of its own, nobody has here.
Result<sandbox::Network> network_for(const PolicyRule& rule, const std::string& asked) {
    using sandbox::Network;
    if (asked.empty())
        return rule.host_network     ? Network::host
               : rule.bridge_network ? Network::bridge
                                     : Network::none;
    auto network = sandbox::parse_network(asked == "default" ? "bridge" : asked);
    if (!network)
        return refusal(namespaces_rule, "the network \"" + printable(asked) +
                                            "\" is not known, only host, none and bridge are");
    if (*network == Network::host && !rule.host_network)
        return refusal(rule.name, "the machine's network may not be asked for");
    if (*network == Network::bridge && !rule.bridge_network)
        return refusal(rule.name, "an isolated network may not be asked for");
    return network;
}

bool lists(const std::vector<std::string>& digests, std::string_view digest) {
    return std::find(digests.begin(), digests.end(), digest) != digests.end();
}

}  // namespace

bool matches(std::string_view pattern, std::string_view text) {
    // reached[i]: the pattern so far fits the first i bytes of the text.
    std::vector<char> reached(text.size() + 1, 0);
    reached[0] = 1;
    for (std::size_t at = 0; at < pattern.size(); ++at) {
        bool star = pattern[at] == '*';
        bool both = star && at + 1 < pattern.size() && pattern[at + 1] == '*';
        if (both) ++at;
        if (star) {
            for (std::size_t i = 0; i < text.size(); ++i)
                if (reached[i] != 0 && (both || text[i] != '/')) reached[i + 1] = 1;
            continue;
        }
        for (std::size_t i = text.size(); i > 0; --i)
            reached[i] = reached[i - 1] != 0 && text[i - 1] == pattern[at] ? 1 : 0;
        reached[0] = 0;
    }
    return reached[text.size()] != 0;
}

std::string_view to_string(Verify verify) {
    switch (verify) {
        case Verify::none:
            return "none";
        case Verify::digest:
            return "digest";
        case Verify::signature:
            return "signature";
        case Verify::either:
            return "either";
    }
    return "?";
}

Policy Policy::compatible() {
    PolicyRule all;
    all.name = "compatible";
    return {{}, {all}};
}

Policy Policy::strict() {
    PolicyRule all;
    all.name = "strict";
    all.level = sandbox::Level::disk;
    all.verify = Verify::digest;
    all.limits.processes = strict_processes;
    // What the published actions ask for.
    all.volumes = std::vector<VolumePermit>{
        {"/dev", false},       {"/dev/**", false},      {"/worker", false},
        {"/worker/**", false}, {"/workflow", false},    {"/workflow/**", false},
        {"/statedir", false},  {"/statedir/**", false}, {"/lib/modules", true}};
    all.host_pid = false;
    return {{}, {all}};
}

Result<Decision> decide(const Policy& policy, const Action& action, const oci::Reference& image) {
    std::string name = image.registry + "/" + image.repository;
    if (!policy.registries.empty() && !fits(policy.registries, image.registry))
        return refusal(registries_rule, "the registry " + printable(image.registry) + " of image " +
                                            printable(name) + " is not allowed");
    auto rule = std::find_if(policy.rules.begin(), policy.rules.end(), [&](const PolicyRule& one) {
        return one.images.empty() || fits(one.images, name);
    });
    if (rule == policy.rules.end())
        return refusal("none", "no rule is about the image " + printable(name));
    if (rule->refuse) return refusal(rule->name, "the image " + printable(name) + " may not run");
    OSIEKIT_TRY(check_requests(*rule, action));
    Decision decision;
    decision.rule = rule->name;
    decision.level = rule->level;
    decision.limits = rule->limits;
    decision.verify = rule->verify;
    decision.named_by_digest = image.digest.has_value();
    decision.digests = rule->digests;
    decision.keys = rule->keys;
    OSIEKIT_ASSIGN(decision.network, network_for(*rule, action.network_namespace));
    decision.user_namespace = rule->user_namespace;
    decision.volumes_without_links = rule->volumes.has_value();
    decision.keep_failed = rule->keep_failed;
    // Before anything is fetched, where that is possible.
    if (rule->verify == Verify::digest && rule->digests.empty() && !image.digest)
        return refuse(decision, "the image " + printable(name) + " is not named by its digest");
    return decision;
}

std::optional<sandbox::UserMap> users_of(const Decision& decision) {
    return decision.user_namespace ? std::optional(sandbox::UserMap{}) : std::nullopt;
}

Result<bool> needs_signature(const Decision& decision, std::string_view manifest_digest) {
    bool by_digest = decision.digests.empty() ? decision.named_by_digest
                                              : lists(decision.digests, manifest_digest);
    switch (decision.verify) {
        case Verify::none:
            return false;
        case Verify::signature:
            return true;
        case Verify::either:
            return !by_digest;
        case Verify::digest:
            break;
    }
    if (by_digest) return false;
    return refuse(decision, "the image's digest " + printable(manifest_digest) +
                                " is not among those that may run");
}

Error refuse(const Decision& decision, const std::string& why) {
    return refusal(decision.rule, why);
}

}  // namespace osiekit::agent
