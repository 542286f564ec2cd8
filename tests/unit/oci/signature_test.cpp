// Signatures as cosign makes them, by keys of the test's own.
#include "lib/oci/signature.hpp"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <catch2/catch.hpp>
#include <map>
#include <memory>

#include "lib/base/temp_dir.hpp"

using namespace osiekit;
using namespace osiekit::oci;

namespace {

// A source that has what a test puts into it.
class MemorySource : public ImageSource {
  public:
    Result<FetchedDocument> fetch_document(const Reference&, const std::string& name) override {
        auto found = documents.find(name);
        if (found == documents.end()) return Error(ErrorKind::not_found, "no " + name);
        return FetchedDocument{found->second, {}, ContentDigest::of(found->second)};
    }
    Status fetch_blob(const Reference&, const Descriptor& blob, const BlobSink& sink) override {
        auto found = blobs.find(blob.digest.oci());
        if (found == blobs.end()) return Error(ErrorKind::not_found, "no blob");
        return sink.on_data(found->second);
    }
    std::map<std::string, std::string> documents;
    std::map<std::string, std::string> blobs;
};

struct Key {
    std::shared_ptr<EVP_PKEY> key;
    explicit Key(const char* curve = "P-256")
        : key(EVP_EC_gen(curve), [](EVP_PKEY* made) { EVP_PKEY_free(made); }) {}
    std::string pem() const {
        std::unique_ptr<BIO, int (*)(BIO*)> bio(BIO_new(BIO_s_mem()), &BIO_free);
        PEM_write_bio_PUBKEY(bio.get(), key.get());
        char* text = nullptr;
        auto length = BIO_get_mem_data(bio.get(), &text);
        return {text, static_cast<std::size_t>(length)};
    }
    std::string sign(const std::string& payload) const {
        std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(),
                                                                   &EVP_MD_CTX_free);
        std::string signature(200, '\0');
        std::size_t size = signature.size();
        EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get());
        REQUIRE(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()),
                               &size, reinterpret_cast<const unsigned char*>(payload.data()),
                               payload.size()) == 1);
        std::string text(300, '\0');
        int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(signature.data()),
                                     static_cast<int>(size));
        text.resize(static_cast<std::size_t>(length));
        return text;
    }
};

std::string payload_for(const std::string& digest, const std::string& repository,
                        const std::string& type = "cosign container image signature") {
    return R"({"critical":{"identity":{"docker-reference":")" + repository +
           R"("},"image":{"docker-manifest-digest":")" + digest + R"("},"type":")" + type +
           R"("},"optional":null})";
}

struct SignedImage {
    Reference reference = Reference::parse("registry.example/team/app:1").value();
    ContentDigest digest = ContentDigest::of("the manifest");
    MemorySource source;

    void sign(const std::string& payload, const std::string& signature) {
        source.blobs[ContentDigest::of(payload).oci()] = payload;
        source.documents[digest.file_name() + ".sig"] =
            R"({"schemaVersion":2,"mediaType":")" + std::string(media_type_manifest) +
            R"(","config":{"digest":")" + ContentDigest::of("").oci() +
            R"(","size":0},"layers":[{"mediaType":")" + std::string(simple_signing_type) +
            R"(","digest":")" + ContentDigest::of(payload).oci() + R"(","size":)" +
            std::to_string(payload.size()) + R"(,"annotations":{")" +
            std::string(cosign_annotation) + R"(":")" + signature + R"("}}]})";
    }
    Status verify(const std::vector<std::string>& keys) {
        return verify_signature(source, reference, {digest}, keys);
    }
};

void require_refusal(const Status& verified, const std::string& rule) {
    REQUIRE_FALSE(verified);
    REQUIRE(verified.error().kind() == ErrorKind::refused);
    INFO(verified.error().to_string());
    REQUIRE(verified.error().message().find(rule) != std::string::npos);
}

}  // namespace

TEST_CASE("a signature by one of the keys is accepted") {
    SignedImage image;
    Key key;
    Key other;
    std::string payload = payload_for(image.digest.oci(), "registry.example/team/app");
    image.sign(payload, key.sign(payload));
    REQUIRE(image.verify({key.pem()}));
    REQUIRE(image.verify({other.pem(), key.pem()}));
}

TEST_CASE("refusals name the rule that failed") {
    SignedImage image;
    Key key;
    require_refusal(image.verify({key.pem()}), "no signature: ");
    require_refusal(image.verify({}), "no key is accepted");
    std::string payload = payload_for(image.digest.oci(), "registry.example/team/app");
    image.sign(payload, Key().sign(payload));
    require_refusal(image.verify({key.pem()}), "no signature by an accepted key");
    image.sign(payload, "not base64!");
    require_refusal(image.verify({key.pem()}), "no signature by an accepted key");
    std::string elsewhere = payload_for(ContentDigest::of("x").oci(), "registry.example/team/app");
    image.sign(elsewhere, key.sign(elsewhere));
    require_refusal(image.verify({key.pem()}), "signed for another digest");
    std::string moved = payload_for(image.digest.oci(), "registry.example/team/other");
    image.sign(moved, key.sign(moved));
    require_refusal(image.verify({key.pem()}), "signed for another repository");
    // The signature of one payload under another one.
    image.sign(payload, key.sign(moved));
    require_refusal(image.verify({key.pem()}), "no signature by an accepted key");
}

TEST_CASE("payloads are read strictly, up to their limit") {
    std::string digest = ContentDigest::of("x").oci();
    std::string good = payload_for(digest, "r.example/a");
    REQUIRE(parse_claim(good)->identity == "r.example/a");
    REQUIRE_FALSE(parse_claim(payload_for(digest, "r.example/a", "something else")));
    REQUIRE_FALSE(parse_claim(payload_for("sha256:1", "r.example/a")));
    REQUIRE_FALSE(parse_claim(payload_for(digest, "")));
    REQUIRE_FALSE(parse_claim("[]"));
    good.resize(max_payload_bytes, ' ');
    REQUIRE(parse_claim(good));
    REQUIRE(parse_claim(good + " ").error().kind() == ErrorKind::limit);
}

TEST_CASE("only ECDSA keys on P-256 may sign") {
    REQUIRE(check_public_key(Key().pem()));
    REQUIRE(check_public_key(Key("P-384").pem()).error().kind() == ErrorKind::unsupported);
    REQUIRE(check_public_key("no key").error().kind() == ErrorKind::invalid_input);
    std::string padded = Key().pem();
    padded.resize(max_public_key_bytes, '\n');
    REQUIRE(check_public_key(padded));
    REQUIRE(check_public_key(padded + "\n").error().kind() == ErrorKind::limit);
}
