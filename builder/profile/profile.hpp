#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/image/compression.hpp"
#include "builder/packages/query.hpp"
#include "builder/profile/inherit.hpp"
#include "builder/profile/variables.hpp"
#include "lib/base/digest.hpp"
#include "lib/base/result.hpp"
#include "lib/sandbox/service.hpp"

namespace osiekit::builder {

// What a profile says; docs/profile.md describes every key. Values are checked, defaults filled in.
// `where` is "file:line", for messages about things found out later.

struct KernelSpec {
    std::string package;
    PackageSystem repository = PackageSystem::debian;
    std::string cmdline;
    std::string where;
};

// Where Alpine's packages come from.
struct AlpineSpec {
    std::string mirror;                                // "http://mirror.example/alpine"
    std::string branch;                                // "v3.20"
    std::vector<std::string> repositories = {"main"};  // earlier ones are preferred
    std::filesystem::path keys;                        // a folder of *.rsa.pub
    std::string where;                                 // empty: the profile does not say
};

struct ModuleSpec {
    std::string name;  // with "_"
    std::string where;
};

// Which firmware of the packages goes into the image.
struct FirmwareSpec {
    enum class Mode {
        all,      // what the packages bring
        needed,   // of that, what the modules of the image ask for
        none,     // nothing, and nothing is missed
        matching  // what fits one of the patterns, each of which has to fit something
    };
    Mode mode = Mode::all;
    std::vector<std::pair<std::string, std::string>> patterns;  // with their places
};

struct FileSpec {
    std::string path;
    std::string content;                          // with its variables filled in
    std::optional<std::filesystem::path> source;  // instead of content
    bool is_template = false;                     // the source has variables to fill in
    bool host_libraries = false;                  // bring those that the source needs here
    std::uint32_t mode = 0644;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::string where;
};

struct DirectorySpec {
    std::string path;
    std::uint32_t mode = 0755;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::string where;
};

struct SymlinkSpec {
    std::string path;
    std::string target;
    std::string where;
};

// A local directory, or a tar archive, whose files go into the image.
struct TreeSpec {
    std::filesystem::path source;
    std::string path;                                              // where they go; empty: the root
    std::optional<std::pair<std::uint32_t, std::uint32_t>> owner;  // of all of them
    std::string where;
};

// An image that the machine carries, so that no registry is asked for it.
struct CarriedSpec {
    std::string name;                             // in full, with its tag or digest
    std::optional<std::filesystem::path> source;  // folder of a local layout; none: it is pulled
    std::string where;
};

struct ServiceSpec {
    std::string name;
    std::vector<std::string> command;
    std::optional<sandbox::ServiceSandbox> sandbox;  // none: it has all that init has
    std::string user;                                // as the profile names it; empty: root
    std::string user_where;
    std::string where;
};

// A user with a group of its own number. There are no passwords.
struct UserSpec {
    std::string name;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::string group;  // name of the group gid; that of the user unless said otherwise
    std::string home = "/";
    std::string shell = "/bin/false";
    std::string where;
};

// The service that the settings of the agent are for.
constexpr std::string_view agent_service = "tink-worker";

// What the agent takes without being told by the boot server; empty: nothing is said.
struct AgentSpec {
    std::string server;                            // host:port
    std::string registry;                          // host[:port] that credentials are for
    std::vector<std::string> insecure_registries;  // host[:port] that speak plain HTTP
    // What may run (docs/sandbox.md): a base word, or a file with a whole policy; and the patterns
    // of the registries that images may come from. Nothing of it: no policy in the image.
    std::string policy;  // "compatible", "strict"
    std::optional<std::filesystem::path> policy_file;
    std::vector<std::string> registries;
    std::string policy_where;

    // For the command line of tink-worker.
    std::vector<std::string> arguments() const;
};

struct InitSpec {
    std::string hostname = "osie";
    std::vector<ServiceSpec> services;
    std::vector<std::string> ntp;
    std::map<std::string, std::string> sysctl;  // "net.ipv4.ip_forward" -> "1"
};

struct ProgramSpec {
    std::string name;  // file name in the folder of programs
    std::string path;  // in the image
    std::string where;
};

// A file that a profile was read from.
struct ProfileSource {
    std::filesystem::path path;
    Sha256 digest;
};

// A key of the profile with all that it extends and its variables filled in.
struct ProfileKey {
    std::string name;
    Sha256 digest;  // of what it says, whatever the layout and the comments are
    std::string where;
};

// What else a build writes, always by this name.
constexpr std::string_view manifest_name = "manifest.json";

// Names of the files that a build writes into its folder; empty: it does not write that one.
struct OutputSpec {
    std::string kernel = "vmlinuz";
    std::string initramfs = "initramfs";
    std::string ipxe;  // a script that boots the two
    std::string spdx;  // bills of materials
    std::string cyclonedx;
    std::string provenance;  // an in-toto statement
};

struct Profile {
    std::string name;
    std::string architecture;  // "amd64", "arm64"
    KernelSpec kernel;
    std::vector<PackageRequest> packages;         // Debian's
    std::vector<PackageRequest> alpine_packages;  // Alpine's
    AlpineSpec alpine;
    std::vector<PackageRequest> exclude;  // never taken, whatever depends on it
    std::vector<PackageRequest> no_deps;  // taken without what they depend on
    std::vector<ModuleSpec> load;         // always loaded by init, in this order
    std::vector<ModuleSpec> include;      // taken into the image for hardware that needs them
    FirmwareSpec firmware;
    std::vector<FileSpec> files;
    std::vector<TreeSpec> trees;
    std::vector<CarriedSpec> images;
    std::vector<DirectorySpec> directories;
    std::vector<SymlinkSpec> symlinks;
    // Patterns of programs that may lack libraries, for they need not start.
    std::vector<std::string> optional_programs;
    std::vector<UserSpec> users;
    InitSpec init;
    AgentSpec agent;
    std::vector<ProgramSpec> programs;
    CompressionOptions compression;
    OutputSpec outputs;
    Variables variables;                           // what ${name} stands for
    std::vector<std::filesystem::path> ancestors;  // profiles that this one extends, nearest first
    std::filesystem::path directory;               // of the profile
    std::vector<ProfileSource> sources;            // the profile, then all that it extends
    std::vector<ProfileKey> keys;
};

struct ProfileOptions {
    std::vector<std::string> set;  // "NAME=VALUE" for variables
    ProfileReader read;            // of other profiles; none: extending is an error
};

constexpr std::size_t largest_profile = 1U << 20U;

// Debian's name of the architecture this program runs on.
std::string host_architecture();

// Reads a profile from its text. `name` is the file's name in messages, `directory` what relative
// names start from. Every error of the profile is of kind invalid_input (limit: too large) and
// names file and line. Looks at no other file, unless options.read does.
Result<Profile> parse_profile(std::string_view text, const std::string& name,
                              const std::filesystem::path& directory,
                              const ProfileOptions& options = {});

// Reads the file and those that it extends, and checks that the sources they name are there.
Result<Profile> load_profile(const std::filesystem::path& path, ProfileOptions options = {});

}  // namespace osiekit::builder
