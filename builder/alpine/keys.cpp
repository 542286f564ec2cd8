#include "builder/alpine/keys.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <array>
#include <memory>

#include "builder/debian/tar_reader.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder::alpine {

namespace fs = std::filesystem;

namespace {

template <auto Function>
struct Freed {
    template <typename T>
    void operator()(T* object) const {
        Function(object);
    }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;

Key parse_key(const std::string& pem) {
    std::unique_ptr<BIO, Freed<BIO_free>> bio(
        BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    Key key(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr));
    ERR_clear_error();
    if (key && EVP_PKEY_base_id(key.get()) != EVP_PKEY_RSA) key.reset();
    return key;
}

struct Scheme {
    std::string_view name;
    const EVP_MD* (*hash)();
    std::string_view prefix;  // DigestInfo up to the digest (RFC 8017 section 9.2, note 1)
};
using namespace std::string_view_literals;
constexpr std::array<Scheme, 3> schemes = {{
    {"RSA", EVP_sha1, "\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14"sv},
    {"RSA256", EVP_sha256,
     "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"sv},
    {"RSA512", EVP_sha512,
     "\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40"sv},
}};

const Scheme* scheme_of(std::string_view algorithm) {
    for (const Scheme& scheme : schemes)
        if (scheme.name == algorithm) return &scheme;
    return nullptr;
}

unsigned char* bytes_of(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
}

// PKCS#1 v1.5: what the key recovers from the signature must be exactly the digest in its frame.
// Compared here, as hosts have policies that let OpenSSL refuse every signature with SHA-1, and
// Alpine signs its index with nothing else.
bool verify_rsa(EVP_PKEY* key, const Scheme& scheme, const std::string& signature,
                std::string_view bytes) {
    std::string digest(EVP_MAX_MD_SIZE, '\0');
    unsigned length = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), bytes_of(digest), &length, scheme.hash(), nullptr) !=
        1)
        return false;
    digest.resize(length);
    std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX_free>> context(EVP_PKEY_CTX_new(key, nullptr));
    std::string recovered(static_cast<std::size_t>(EVP_PKEY_size(key)), '\0');
    std::size_t size = recovered.size();
    bool done = context && EVP_PKEY_verify_recover_init(context.get()) == 1 &&
                EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1 &&
                EVP_PKEY_verify_recover(context.get(), bytes_of(recovered), &size,
                                        reinterpret_cast<const unsigned char*>(signature.data()),
                                        signature.size()) == 1;
    ERR_clear_error();
    return done &&
           std::string_view(recovered).substr(0, size) == std::string(scheme.prefix) + digest;
}

}  // namespace

Result<std::vector<Signature>> read_signatures(std::string_view tar) {
    constexpr std::string_view prefix = ".SIGN.";
    DebLimits limits;
    limits.file_size = signature_size_limit;
    limits.unpacked_size = signature_size_limit * 16;
    limits.entries = 64;
    const std::string called = "signature.tar";
    MemoryBytes source(tar);
    TarReader reader(called, source, limits);
    OSIEKIT_TRY(reader.open());
    std::vector<Signature> found;
    for (;;) {
        OSIEKIT_ASSIGN(archive_entry * entry, reader.next());
        if (entry == nullptr) return found;
        const char* text = archive_entry_pathname(entry);
        std::string_view name = text != nullptr ? text : "";
        if (!name.starts_with(prefix)) return std::vector<Signature>();
        std::string_view rest = name.substr(prefix.size());
        std::size_t dot = rest.find('.');
        if (dot == std::string_view::npos || rest.find('/') != std::string_view::npos ||
            rest.size() == dot + 1)
            return Error(ErrorKind::invalid_input,
                         "a signature is named \"" + printable(name, 80) + "\"");
        Signature signature{
            std::string(rest.substr(0, dot)), std::string(rest.substr(dot + 1)), {}};
        OSIEKIT_ASSIGN(signature.bytes, reader.content(entry, name));
        found.push_back(std::move(signature));
    }
}

Result<Keys> Keys::load(const fs::path& directory) {
    Keys keys;
    keys.directory_ = directory;
    std::error_code failure;
    for (const fs::directory_entry& file : fs::directory_iterator(directory, failure)) {
        std::string name = file.path().filename().string();
        if (!name.ends_with(".rsa.pub")) continue;
        OSIEKIT_ASSIGN(std::string pem, read_file(file.path(), key_size_limit));
        if (!parse_key(pem))
            return Error(ErrorKind::invalid_input,
                         file.path().string() + " is not a public RSA key in PEM form");
        keys.pem_.emplace(std::move(name), std::move(pem));
    }
    if (failure)
        return Error(ErrorKind::not_found, "the folder of Alpine's keys, " + directory.string() +
                                               ", cannot be read: " + failure.message())
            .hint("put the *.rsa.pub files of the package alpine-keys there");
    if (keys.pem_.empty())
        return Error(ErrorKind::not_found, "there is no key *.rsa.pub in " + directory.string())
            .hint("put the *.rsa.pub files of the package alpine-keys there");
    return keys;
}

Status Keys::verify(const std::vector<Signature>& signatures, std::string_view signed_bytes) const {
    std::vector<std::string> names;
    bool known = false;
    for (const Signature& signature : signatures) {
        names.push_back(printable(signature.key, 100));
        auto pem = pem_.find(signature.key);
        const Scheme* scheme = scheme_of(signature.algorithm);
        if (pem == pem_.end() || scheme == nullptr) continue;
        known = true;
        Key key = parse_key(pem->second);
        if (key && verify_rsa(key.get(), *scheme, signature.bytes, signed_bytes)) return {};
    }
    if (signatures.empty()) return Error(ErrorKind::refused, "it is not signed");
    if (known)
        return Error(ErrorKind::refused, "its signature by " + join(names, ", ") + " is wrong")
            .hint("it was altered, or the key of this name is another one");
    return Error(ErrorKind::refused,
                 "it is signed by " + join(names, ", ") + ", which is not trusted")
        .hint("put this key into " + directory_.string() + " if you trust it");
}

Sha256 Keys::digest() const {
    Sha256Stream hash;
    for (const auto& [name, pem] : pem_)
        hash.update(name + "\n" + std::to_string(pem.size()) + "\n" + pem);
    return hash.finish();
}

}  // namespace osiekit::builder::alpine
