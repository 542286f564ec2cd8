#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "lib/base/digest.hpp"
#include "lib/base/result.hpp"

namespace osiekit::oci {

// A digest as OCI descriptors have them: sha256, which everybody must understand, or sha512
// (image-spec, "Digests"). A value: text from outside is parsed before it names a file or stands in
// a URL (CVE-2024-3727).
class ContentDigest {
  public:
    enum class Algorithm : std::uint8_t { sha256, sha512 };
    static constexpr std::size_t max_size = 64;

    ContentDigest() = default;  // sha256 of all zeros
    ContentDigest(const Sha256& digest);
    // "sha256:" and 64, or "sha512:" and 128, lower-case hexadecimal digits. Kind unsupported for
    // another algorithm, invalid_input for everything else.
    static Result<ContentDigest> parse(std::string_view text);
    static ContentDigest of(std::string_view bytes, Algorithm algorithm = Algorithm::sha256);

    Algorithm algorithm() const { return algorithm_; }
    std::string hex() const;
    std::string oci() const;  // "sha256:HEX"
    // "sha256-HEX": the tag below which cosign keeps signatures begins so.
    std::string file_name() const;
    // The reverse of hex(): 128 digits are a sha512, all else has to be a sha256.
    static Result<ContentDigest> from_hex_digits(std::string_view digits);
    auto operator<=>(const ContentDigest&) const = default;

  private:
    friend class ContentHash;
    std::size_t size() const { return algorithm_ == Algorithm::sha256 ? 32 : 64; }
    Algorithm algorithm_ = Algorithm::sha256;
    std::array<unsigned char, max_size> bytes_{};
};

// Hashes a stream piece by piece.
class ContentHash {
  public:
    explicit ContentHash(ContentDigest::Algorithm algorithm = ContentDigest::Algorithm::sha256);
    ContentHash(ContentHash&&) noexcept;
    ContentHash& operator=(ContentHash&&) noexcept;
    ~ContentHash();
    void update(std::string_view bytes);
    // May be called once.
    ContentDigest finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace osiekit::oci
