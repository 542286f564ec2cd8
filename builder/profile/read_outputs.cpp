#include <array>
#include <set>

#include "builder/profile/checks.hpp"
#include "builder/profile/keys.hpp"
#include "builder/profile/readers.hpp"

namespace osiekit::builder {

namespace {

constexpr std::size_t longest_output_name = 200;

}  // namespace

Result<OutputSpec> read_outputs(const YamlValue& value) {
    OutputSpec outputs;
    OSIEKIT_ASSIGN(YamlValue::Members members, value.members(keys_of("outputs")));
    const std::array<std::pair<const char*, std::string*>, 6> places = {
        {{"kernel", &outputs.kernel},
         {"initramfs", &outputs.initramfs},
         {"ipxe", &outputs.ipxe},
         {"spdx", &outputs.spdx},
         {"cyclonedx", &outputs.cyclonedx},
         {"provenance", &outputs.provenance}}};
    for (const auto& [key, member] : members)
        for (const auto& [name, place] : places) {
            if (key != name) continue;
            OSIEKIT_ASSIGN(*place, read_name(member, "the name of a file, without a folder", "._-",
                                             longest_output_name));
        }
    std::set<std::string> names = {std::string(manifest_name)};
    for (const auto& [name, place] : places)
        if (!place->empty() && !names.insert(*place).second)
            return value.bad("two files that a build writes would be called " + *place);
    return outputs;
}

}  // namespace osiekit::builder
