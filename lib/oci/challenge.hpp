#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace osiekit::oci {

// One way of proving who one is that a registry offers in WWW-Authenticate.
struct Challenge {
    std::string scheme;                             // lower case: "bearer", "basic"
    std::map<std::string, std::string> parameters;  // names in lower case, values unquoted
};

// Parses the value of WWW-Authenticate: several challenges may stand in one header, values may be
// quoted with backslash escapes and hold commas. What cannot be understood ends the list; never
// fails. (RFC 9110 section 11.6.1, RFC 6750 section 3.)
std::vector<Challenge> parse_challenges(std::string_view header);

}  // namespace osiekit::oci
