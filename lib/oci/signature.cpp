#include "lib/oci/signature.hpp"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "lib/base/text.hpp"
#include "lib/oci/base64.hpp"
#include "lib/oci/credentials.hpp"

namespace osiekit::oci {
namespace {

using Json = nlohmann::json;

struct KeyDeleter {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using PublicKey = std::unique_ptr<EVP_PKEY, KeyDeleter>;
struct BioDeleter {
    void operator()(BIO* bio) const { BIO_free(bio); }
};
struct ContextDeleter {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

Result<PublicKey> read_key(std::string_view pem) {
    if (pem.size() > max_public_key_bytes)
        return Error(ErrorKind::limit,
                     "a public key is larger than " + human_size(max_public_key_bytes));
    std::unique_ptr<BIO, BioDeleter> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    PublicKey key(bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr) : nullptr);
    if (!key)
        return Error(ErrorKind::invalid_input, "this is not a public key in PEM")
            .hint("it begins with -----BEGIN PUBLIC KEY-----, as in cosign.pub");
    std::array<char, 64> group{};
    bool p256 = EVP_PKEY_is_a(key.get(), "EC") == 1 &&
                EVP_PKEY_get_utf8_string_param(key.get(), OSSL_PKEY_PARAM_GROUP_NAME, group.data(),
                                               group.size(), nullptr) == 1 &&
                std::string_view(group.data()) == "prime256v1";
    if (!p256)
        return Error(ErrorKind::unsupported, "the public key is not an ECDSA key on P-256")
            .hint("make one with: cosign generate-key-pair");
    return key;
}

bool signed_by(EVP_PKEY* key, const std::string& payload, const std::string& signature) {
    std::unique_ptr<EVP_MD_CTX, ContextDeleter> context(EVP_MD_CTX_new());
    if (!context || EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key) != 1)
        return false;
    return EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                            signature.size(),
                            reinterpret_cast<const unsigned char*>(payload.data()),
                            payload.size()) == 1;
}

const Json* member(const Json* object, const char* key) {
    if (object == nullptr || !object->is_object()) return nullptr;
    auto found = object->find(key);
    return found == object->end() ? nullptr : &*found;
}

std::string text(const Json* value) {
    return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

// How near a signature came to being accepted; the nearest is what a refusal tells of.
enum class Verdict { none, foreign_key, other_digest, other_repository, accepted };

Verdict judge(const SignedClaim& claim, const Reference& reference,
              const std::vector<ContentDigest>& digests) {
    if (std::find(digests.begin(), digests.end(), claim.digest) == digests.end())
        return Verdict::other_digest;
    // cosign writes registry/repository, without tag; older versions with it.
    auto identity = Reference::parse(claim.identity);
    bool same = identity &&
                canonical_registry(identity->registry) == canonical_registry(reference.registry) &&
                identity->repository == reference.repository;
    return same ? Verdict::accepted : Verdict::other_repository;
}

Error refusal(Verdict nearest, const Reference& reference, const ContentDigest& digest,
              std::size_t keys) {
    std::string image = reference.registry + "/" + reference.repository + "@" + digest.oci();
    std::string why;
    switch (nearest) {
        case Verdict::foreign_key:
            why = "no signature by an accepted key: " + std::to_string(keys) +
                  (keys == 1 ? " key is" : " keys are") + " accepted, none made a signature of it";
            break;
        case Verdict::other_digest:
            why = "signed for another digest: what the signature covers is not this image";
            break;
        case Verdict::other_repository:
            why = "signed for another repository";
            break;
        default:
            why = "no signature: the repository holds none below the tag " + digest.file_name() +
                  ".sig";
    }
    return Error(ErrorKind::refused, "the image " + image + " is refused: " + why)
        .hint("sign it with: cosign sign --key cosign.key " + image);
}

// Looks at the signatures of one digest.
Result<Verdict> look(ImageSource& source, const Reference& reference, const ContentDigest& digest,
                     const std::vector<ContentDigest>& digests,
                     const std::vector<PublicKey>& keys) {
    auto fetched = source.fetch_document(reference, digest.file_name() + ".sig");
    if (!fetched && fetched.error().kind() == ErrorKind::not_found) return Verdict::none;
    if (!fetched) return std::move(fetched).error();
    OSIEKIT_ASSIGN(auto document, parse_document(fetched->bytes, fetched->content_type));
    auto* manifest = std::get_if<Manifest>(&document);
    if (manifest == nullptr)
        return Error(ErrorKind::invalid_input, "the signatures are an index, not a manifest");
    if (manifest->layers.size() > max_signatures)
        return Error(ErrorKind::limit,
                     "the image has more than " + std::to_string(max_signatures) + " signatures");
    Verdict nearest = Verdict::none;
    for (const Descriptor& layer : manifest->layers) {
        auto annotation = layer.annotations.find(std::string(cosign_annotation));
        if (annotation == layer.annotations.end() || layer.media_type != simple_signing_type)
            continue;
        auto signature = from_base64(annotation->second);
        OSIEKIT_ASSIGN(auto payload, source.fetch_small_blob(reference, layer, max_payload_bytes));
        bool ours = signature && std::any_of(keys.begin(), keys.end(), [&](const PublicKey& key) {
                        return signed_by(key.get(), payload, *signature);
                    });
        // Only what an accepted key has signed is worth reading.
        auto claim = ours ? parse_claim(payload) : Error(ErrorKind::refused, "not signed");
        Verdict verdict = claim ? judge(*claim, reference, digests) : Verdict::foreign_key;
        if (verdict == Verdict::accepted) return verdict;
        nearest = std::max(nearest, verdict);
    }
    return nearest;
}

}  // namespace

Status check_public_key(std::string_view pem) {
    OSIEKIT_TRY(read_key(pem));
    return {};
}

Result<SignedClaim> parse_claim(std::string_view payload) {
    if (payload.size() > max_payload_bytes)
        return Error(ErrorKind::limit,
                     "the signed payload is larger than " + human_size(max_payload_bytes));
    Json json = Json::parse(payload.begin(), payload.end(), nullptr, false);
    if (json.is_discarded() || !json.is_object())
        return Error(ErrorKind::invalid_input, "the signed payload is not a JSON object");
    const Json* critical = member(&json, "critical");
    SignedClaim claim;
    claim.type = text(member(critical, "type"));
    if (claim.type != "cosign container image signature" &&
        claim.type != "atomic container signature")
        return Error(ErrorKind::invalid_input,
                     "the signed payload is of the type \"" + printable(claim.type) + "\"");
    OSIEKIT_ASSIGN(
        claim.digest,
        ContentDigest::parse(text(member(member(critical, "image"), "docker-manifest-digest"))));
    claim.identity = text(member(member(critical, "identity"), "docker-reference"));
    if (claim.identity.empty())
        return Error(ErrorKind::invalid_input, "the signed payload names no repository");
    return claim;
}

Status verify_signature(ImageSource& source, const Reference& reference,
                        const std::vector<ContentDigest>& digests,
                        const std::vector<std::string>& public_keys) {
    std::vector<PublicKey> keys;
    for (const std::string& pem : public_keys) {
        auto key = read_key(pem).context("reading key " + std::to_string(keys.size() + 1) +
                                         " of those that may sign images");
        if (!key) return std::move(key).error();
        keys.push_back(std::move(*key));
    }
    if (keys.empty() || digests.empty())
        return Error(ErrorKind::refused, "a signature is required, but no key is accepted");
    Verdict nearest = Verdict::none;
    for (const ContentDigest& digest : digests) {
        auto verdict = look(source, reference, digest, digests, keys)
                           .context("looking for signatures of " + digest.oci());
        if (!verdict) return std::move(verdict).error();
        if (*verdict == Verdict::accepted) return {};
        nearest = std::max(nearest, *verdict);
    }
    return refusal(nearest, reference, digests.front(), keys.size());
}

Status verify_signature(ImageSource& source, const ResolvedImage& image,
                        const std::vector<std::string>& public_keys) {
    std::vector<ContentDigest> digests = {image.manifest_digest};
    if (image.named_digest != image.manifest_digest) digests.push_back(image.named_digest);
    return verify_signature(source, image.reference, digests, public_keys);
}

}  // namespace osiekit::oci
