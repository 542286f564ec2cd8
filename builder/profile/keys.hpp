#pragma once

#include <map>
#include <string>
#include <vector>

namespace osiekit::builder {

// The keys of every mapping in a profile, by the mapping's place: "" is the document, "kernel" the
// mapping below that key, "files[]" an entry of that list. Mappings whose keys are the user's own
// (variables, programs, sysctl) are not in it. What the readers accept and what
// docs/profile.schema.json describes both follow this.
const std::map<std::string, std::vector<std::string>>& profile_keys();

// Those of one place.
const std::vector<std::string>& keys_of(const std::string& place);

}  // namespace osiekit::builder
