#include "lib/oci/content_digest.hpp"

#include <openssl/evp.h>

#include <algorithm>

#include "lib/base/text.hpp"

namespace osiekit::oci {
namespace {

std::string_view name_of(ContentDigest::Algorithm algorithm) {
    return algorithm == ContentDigest::Algorithm::sha256 ? "sha256" : "sha512";
}

// algorithm ::= component (separator component)*, as the image specification has it.
bool well_formed_algorithm(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
               std::string_view("+._-").find(c) != std::string_view::npos;
    });
}

bool lower_hex(std::string_view text) {
    return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

ContentDigest::ContentDigest(const Sha256& digest) {
    std::copy(digest.bytes().begin(), digest.bytes().end(), bytes_.begin());
}

Result<ContentDigest> ContentDigest::parse(std::string_view text) {
    std::string shown = "the digest \"" + printable(text, 150) + "\"";
    std::size_t colon = text.find(':');
    if (colon == std::string_view::npos)
        return Error(ErrorKind::invalid_input, shown + " is not algorithm:digits");
    std::string_view algorithm = text.substr(0, colon);
    std::string_view digits = text.substr(colon + 1);
    ContentDigest digest;
    if (algorithm == "sha512")
        digest.algorithm_ = Algorithm::sha512;
    else if (algorithm != "sha256" && well_formed_algorithm(algorithm))
        return Error(ErrorKind::unsupported, shown + " is neither sha256 nor sha512");
    auto bytes = from_hex(digits);
    if ((algorithm != "sha256" && algorithm != "sha512") || !bytes || !lower_hex(digits) ||
        bytes->size() != digest.size())
        return Error(ErrorKind::invalid_input, shown + " is not valid")
            .hint("sha256: and 64, or sha512: and 128, lower-case hexadecimal digits are expected");
    std::copy(bytes->begin(), bytes->end(), digest.bytes_.begin());
    return digest;
}

ContentDigest ContentDigest::of(std::string_view bytes, Algorithm algorithm) {
    ContentHash hash(algorithm);
    hash.update(bytes);
    return hash.finish();
}

std::string ContentDigest::hex() const {
    return to_hex({reinterpret_cast<const char*>(bytes_.data()), size()});
}

std::string ContentDigest::oci() const {
    return std::string(name_of(algorithm_)) + ":" + hex();
}

std::string ContentDigest::file_name() const {
    return std::string(name_of(algorithm_)) + "-" + hex();
}

Result<ContentDigest> ContentDigest::from_hex_digits(std::string_view digits) {
    return parse((digits.size() == 128 ? "sha512:" : "sha256:") + std::string(digits));
}

struct ContentHash::State {
    ContentDigest::Algorithm algorithm;
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    explicit State(ContentDigest::Algorithm chosen) : algorithm(chosen) {
        EVP_DigestInit_ex(context,
                          chosen == ContentDigest::Algorithm::sha256 ? EVP_sha256() : EVP_sha512(),
                          nullptr);
    }
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { EVP_MD_CTX_free(context); }
};

ContentHash::ContentHash(ContentDigest::Algorithm algorithm)
    : state_(std::make_unique<State>(algorithm)) {}
ContentHash::ContentHash(ContentHash&&) noexcept = default;
ContentHash& ContentHash::operator=(ContentHash&&) noexcept = default;
ContentHash::~ContentHash() = default;

void ContentHash::update(std::string_view bytes) {
    EVP_DigestUpdate(state_->context, bytes.data(), bytes.size());
}

ContentDigest ContentHash::finish() {
    ContentDigest digest;
    digest.algorithm_ = state_->algorithm;
    EVP_DigestFinal_ex(state_->context, digest.bytes_.data(), nullptr);
    return digest;
}

}  // namespace osiekit::oci
