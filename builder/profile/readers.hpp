#pragma once

#include <map>
#include <string>
#include <vector>

#include "builder/profile/profile.hpp"
#include "builder/profile/yaml_reader.hpp"

namespace osiekit::builder {

// Readers of the parts of a profile. Each error names file and line.

constexpr std::size_t longest_name = 64;
constexpr std::size_t most_sysctl = 256;  // as many as init takes
constexpr std::size_t longest_user_name = 32;
constexpr std::size_t longest_sysctl = 4096;  // bytes of a value, what the kernel reads at once

// `variables` are for content with "template: true".
Result<FileSpec> read_file_spec(const YamlValue& value, const Variables& variables);
Result<TreeSpec> read_tree(const YamlValue& value);
// `others` are the images before it.
Result<CarriedSpec> read_carried(const YamlValue& value, const std::vector<CarriedSpec>& others);
Result<DirectorySpec> read_directory(const YamlValue& value);
Result<SymlinkSpec> read_symlink(const YamlValue& value);

// `before` are those that the profile has already: names and numbers occur once.
Result<UserSpec> read_user(const YamlValue& value, const std::vector<UserSpec>& before);

Result<std::map<std::string, std::string>> read_sysctl(const YamlValue& value);
Result<AlpineSpec> read_alpine(const YamlValue& value);
Result<AgentSpec> read_agent(const YamlValue& value);
Result<std::vector<ServiceSpec>> read_services(const YamlValue& value);
// Numbers and homes for the users that services name, once the profile's users are known.
Status find_service_users(const std::vector<UserSpec>& users, std::vector<ServiceSpec>& services);
Status read_init(const YamlValue& value, InitSpec& init);
Result<std::vector<ProgramSpec>> read_programs(const YamlValue& value);
Result<OutputSpec> read_outputs(const YamlValue& value);
Result<FirmwareSpec> read_firmware(const YamlValue& value);
// Patterns of programs that may lack libraries.
Result<std::vector<std::string>> read_libraries(const YamlValue& value);
Result<CompressionOptions> read_compression(const YamlValue& value);

}  // namespace osiekit::builder
