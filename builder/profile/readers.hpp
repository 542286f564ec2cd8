#pragma once

#include <vector>

#include "builder/profile/profile.hpp"
#include "builder/profile/yaml_reader.hpp"

namespace osiekit::builder {

// Readers of the parts of a profile. Each error names file and line.

constexpr std::size_t longest_name = 64;

// `variables` are for content with "template: true".
Result<FileSpec> read_file_spec(const YamlValue& value, const Variables& variables);
Result<DirectorySpec> read_directory(const YamlValue& value);
Result<SymlinkSpec> read_symlink(const YamlValue& value);

Result<std::vector<ServiceSpec>> read_services(const YamlValue& value);
Status read_init(const YamlValue& value, InitSpec& init);
Result<std::vector<ProgramSpec>> read_programs(const YamlValue& value);
Result<CompressionOptions> read_compression(const YamlValue& value);

}  // namespace osiekit::builder
