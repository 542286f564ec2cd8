#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/action.hpp"
#include "lib/base/result.hpp"
#include "lib/oci/reference.hpp"
#include "lib/sandbox/sandbox.hpp"

// Which images may run, and as what. The policy is a file of the machine's image (docs/sandbox.md
// has its format), so that the server, which sends the actions, has no say in it.
namespace osiekit::agent {

inline constexpr std::string_view default_policy_file = "/etc/osie/policy.json";

// How the bytes of an image have to be proved.
enum class Verify {
    none,
    digest,     // named by digest, or its digest is in the rule's list
    signature,  // signed by one of the rule's keys
    either      // digest or signature
};

// A part of the machine that an action may ask for.
struct VolumePermit {
    std::string pattern;  // of the path on the machine, or of a named volume
    bool read_only = false;

    bool operator==(const VolumePermit&) const = default;
};

struct PolicyRule {
    std::string name;
    // Of REGISTRY/REPOSITORY: "*" is any text without "/", "**" any text. Empty: every image.
    std::vector<std::string> images;
    bool refuse = false;
    sandbox::Level level = sandbox::Level::host;
    Verify verify = Verify::none;
    std::vector<std::string> digests;         // "sha256:…"
    std::vector<std::filesystem::path> keys;  // public keys, PEM
    sandbox::Limits limits;
    std::optional<std::vector<VolumePermit>> volumes;  // nullopt: any
    bool host_pid = true;                              // may ask for the machine's PID namespace
    // May ask for the machine's network, and for an isolated one. Who asks for nothing gets the
    // first that is allowed; without either, loopback alone.
    bool host_network = true;
    bool bridge_network = true;
    bool user_namespace = false;  // root inside is nobody of the machine; of level restricted
    bool keep_failed = false;     // the file system of a failed action stays for inspection

    bool operator==(const PolicyRule&) const = default;
};

struct Policy {
    std::vector<std::string> registries;  // patterns of host[:port]; empty: any
    std::vector<PolicyRule> rules;        // the first that fits decides; the last fits everything

    // What Tinkerbell's agents do: every image runs at level host and gets what it asks for.
    static Policy compatible();
    // Only images named by digest, at level disk, with the usual volumes, in a PID namespace of
    // their own and with a bound on processes.
    static Policy strict();
};

// What an image may do, and what has to be true of its bytes before it runs.
struct Decision {
    std::string rule;  // its name, for messages
    sandbox::Level level = sandbox::Level::host;
    sandbox::Limits limits;
    Verify verify = Verify::none;
    bool named_by_digest = false;
    std::vector<std::string> digests;
    std::vector<std::filesystem::path> keys;
    sandbox::Network network = sandbox::Network::host;
    bool user_namespace = false;
    bool volumes_without_links = false;  // volumes were judged by their paths: follow no links
    bool keep_failed = false;
};

// Of the user namespace that it asks for, if it does.
std::optional<sandbox::UserMap> users_of(const Decision& decision);

// The rule for an action of this image. Error kind refused: the message begins with the name of the
// rule that says no. Uses no system calls.
Result<Decision> decide(const Policy& policy, const Action& action, const oci::Reference& image);

// Once the digest of the manifest is known ("sha256:…"): true when a signature by one of the
// decision's keys is needed too. Error kind refused, naming the rule, when the digest is not
// admitted and no signature could help.
Result<bool> needs_signature(const Decision& decision, std::string_view manifest_digest);

// Refuses in the name of the decision's rule, for what only the caller can see (no signature fits).
Error refuse(const Decision& decision, const std::string& why);

// The text of a policy file. Limits: see policy_parse.cpp. Kind invalid_input, naming the place;
// unknown keys are errors, as a misspelt rule would protect nothing.
inline constexpr std::size_t max_policy_bytes = 1U << 20U;
Result<Policy> parse_policy(std::string_view text);

// The file's policy; compatible() if there is none. A file that cannot be read or understood is an
// error: then nothing may run.
Result<Policy> load_policy(const std::filesystem::path& file);

// "*" any text without "/", "**" any text, everything else itself. Takes time in the product of the
// lengths.
bool matches(std::string_view pattern, std::string_view text);

std::string_view to_string(Verify verify);

}  // namespace osiekit::agent
