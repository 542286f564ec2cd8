#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"

namespace osiekit::builder {

// Whose signatures count.
struct TrustedKeys {
    std::vector<std::filesystem::path> keyrings;  // binary, keybox, or in ASCII armour
    std::string key_block;                        // a further keyring in ASCII armour
    std::vector<std::string> fingerprints;        // not empty: only these keys, in capitals
};

// Verifies a clear-signed file with gpgv and returns the text that was signed, and nothing else of
// the file. At least one good signature by an unexpired trusted key and no bad one; text outside of
// the signed block, a second block, and digests older than SHA-2 are refused. Errors: refused (with
// what gpgv says), not_found (a keyring, gpgv).
Result<std::string> verify_clear_signed(std::string_view signed_text, const TrustedKeys& keys);

// The text of a clear-signed file without verifying anything, for sources that are marked trusted;
// a file that is not signed is returned as it is.
std::string strip_clear_signature(std::string_view signed_text);

// The bytes within ASCII armour (RFC 4880, 6.2; the checksum is left to whoever parses the
// packets). Errors: invalid_input.
Result<std::string> remove_armour(std::string_view text);

}  // namespace osiekit::builder
