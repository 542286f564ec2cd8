#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "builder/debian/deb.hpp"
#include "lib/base/digest.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder::alpine {

constexpr std::uint64_t key_size_limit = 64U << 10U;
constexpr std::size_t signature_size_limit = 64U << 10U;  // as in apk-tools

// A file ".SIGN.RSA256.KEYNAME" at the front of an index or package.
struct Signature {
    std::string algorithm;  // "RSA" (with SHA-1), "RSA256", "RSA512"
    std::string key;        // a file name, "x.rsa.pub"
    std::string bytes;
};

// The signatures in a signature member (a tar of .SIGN files); empty if it is none. Errors:
// invalid_input (a key name with "/"), limit.
Result<std::vector<Signature>> read_signatures(std::string_view tar);

// The trusted public keys: PEM files "*.rsa.pub" of a directory, found by file name.
class Keys {
  public:
    // Errors: not_found (no directory or no key in it), invalid_input (a file that is no public
    // key).
    static Result<Keys> load(const std::filesystem::path& directory);

    // One good signature by a trusted key is enough. Errors: refused, with the names of the keys
    // that signed.
    Status verify(const std::vector<Signature>& signatures, std::string_view signed_bytes) const;
    // Changes with the keys.
    Sha256 digest() const;

  private:
    std::filesystem::path directory_;
    std::map<std::string, std::string, std::less<>> pem_;
};

}  // namespace osiekit::builder::alpine
