#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "builder/debian/repository.hpp"
#include "builder/image/local_files.hpp"
#include "builder/profile/profile.hpp"
#include "builder/tree.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// The last entry of every image; init stops with a message when it is missing (image cut short, or
// too little memory to unpack it).
constexpr std::string_view sentinel_path = "etc/osie/complete";
// The folder that tells an image of ours, which needs the sentinel, from another maker's.
constexpr std::string_view own_folder_path = "etc/osie";

// The origin of what no profile, package or program brings.
constexpr std::string_view base_origin = "the base of every image";

// What the builder finds out for init.
struct InitFacts {
    std::vector<std::string> load;  // modules that are always loaded
    std::int64_t built = 0;         // the clock of the machine is at least this, seconds since 1970
};

// The directories, device nodes and settings that every image has.
Result<Tree> base_tree(const Profile& profile, const InitFacts& facts);

// One of our programs, from the folder of programs. Errors: not_found with the path and the command
// that builds it.
Result<Tree> program_tree(const ProgramSpec& program, const std::filesystem::path& folder,
                          const LocalFiles& local);

// All files of a Debian package, in memory. Documentation, manual pages and translations
// (usr/share/{doc,man,info,locale,lintian,bug}) stay behind.
// What is lost of a file adds to `warnings`.
Result<Tree> package_tree(const LocatedPackage& package, std::vector<std::string>& warnings);

// The profile's files, directories, symlinks and users, and the sentinel.
Result<Tree> site_tree(const Profile& profile, const LocalFiles& local,
                       std::vector<std::string>& warnings);

// Programs that run in the image must find what they ask for: an ELF program of the right machine,
// whose interpreter is in the image if it is dynamically linked, or a script whose interpreter is.
// `image` is the whole tree.
Status check_program(const Tree& image, const ProgramSpec& program,
                     const std::string& architecture);

// /etc/osie/init.json. The agent's settings become arguments of the service tink-worker.
std::string init_settings(const InitSpec& init, const AgentSpec& agent, const InitFacts& facts);

// /etc/osie/policy.json, which the agent reads; empty: there is none. Errors: those of reading a
// policy file of the profile, which has to be JSON of at most 1 MiB.
Result<std::string> policy_file(const AgentSpec& agent, const LocalFiles& local);

// /etc/passwd and /etc/group, in the order of the numbers.
std::string passwd_file(const std::vector<UserSpec>& users);
std::string group_file(const std::vector<UserSpec>& users);

}  // namespace osiekit::builder
