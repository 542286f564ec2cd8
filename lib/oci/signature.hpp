#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"
#include "lib/oci/image_source.hpp"

namespace osiekit::oci {

inline constexpr std::size_t max_payload_bytes = 64U << 10U;
inline constexpr std::size_t max_signatures = 50;  // of one image
inline constexpr std::size_t max_public_key_bytes = 16U << 10U;
inline constexpr std::string_view cosign_annotation = "dev.cosignproject.cosign/signature";
inline constexpr std::string_view simple_signing_type =
    "application/vnd.dev.cosign.simplesigning.v1+json";

// A public key that may sign images: ECDSA on P-256, in PEM ("BEGIN PUBLIC KEY"), as
// `cosign generate-key-pair` writes cosign.pub. Errors: invalid_input, unsupported for another
// kind of key.
Status check_public_key(std::string_view pem);

// What a signature says (simple signing: the "critical" part of the payload).
struct SignedClaim {
    ContentDigest digest;  // critical.image.docker-manifest-digest
    std::string identity;  // critical.identity.docker-reference
    std::string type;      // critical.type
};
Result<SignedClaim> parse_claim(std::string_view payload);

// Whether an image is signed by one of the keys, as cosign signs: the payloads are the layers of
// the image that the tag sha256-HEX.sig names in the same repository, each with its signature in an
// annotation. `digests`: what may be signed, the manifest's or the index's that led to it. A
// signature counts if its payload is for one of these digests and for this repository. Refusals
// (kind refused) say which rule failed: "no signature", "no signature by an accepted key",
// "signed for another digest", "signed for another repository". Other errors are the source's.
Status verify_signature(ImageSource& source, const Reference& reference,
                        const std::vector<ContentDigest>& digests,
                        const std::vector<std::string>& public_keys);
// The same for a resolved image.
Status verify_signature(ImageSource& source, const ResolvedImage& image,
                        const std::vector<std::string>& public_keys);

}  // namespace osiekit::oci
