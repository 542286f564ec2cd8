#pragma once

#include <string>

#include "agent/settings.hpp"

namespace osiekit::agent {

// A file of certificates may be this large; Debian's bundle of all authorities is a quarter MiB.
inline constexpr std::size_t max_certificates_bytes = 4U << 20U;

// Whether there is a PEM certificate in the text, which is of the file or address `where`: the
// libraries' own messages about bad ones do not name it. Kind invalid_input.
Status check_certificates(const std::string& pem, const std::string& where);

// The certificates that the server's is checked against, PEM; empty: the system's. A CA file is
// trusted in addition to the system's (http::system_authorities); what a certificate URL holds is
// trusted alone, as by tink-worker before v0.7. That URL is plain HTTP: whoever can answer for it
// is believed. Errors: those of the file or the transfer; invalid_input if there is no certificate
// in it.
Result<std::string> trusted_certificates(const Settings& settings);

}  // namespace osiekit::agent
