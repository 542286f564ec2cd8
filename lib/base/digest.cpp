#include "lib/base/digest.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit {

struct Sha256Stream::State {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { EVP_MD_CTX_free(context); }
};

Sha256Stream::Sha256Stream() : state_(std::make_unique<State>()) {
    EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr);
}
Sha256Stream::Sha256Stream(Sha256Stream&&) noexcept = default;
Sha256Stream& Sha256Stream::operator=(Sha256Stream&&) noexcept = default;
Sha256Stream::~Sha256Stream() = default;

void Sha256Stream::update(std::string_view bytes) {
    EVP_DigestUpdate(state_->context, bytes.data(), bytes.size());
}

Sha256 Sha256Stream::finish() {
    std::array<unsigned char, Sha256::size> bytes{};
    EVP_DigestFinal_ex(state_->context, bytes.data(), nullptr);
    return Sha256(bytes);
}

Result<Sha256> Sha256::parse(std::string_view text) {
    std::string_view digits = text;
    constexpr std::string_view prefix = "sha256:";
    if (digits.substr(0, prefix.size()) == prefix) digits.remove_prefix(prefix.size());
    auto bytes = from_hex(digits);
    if (!bytes || bytes->size() != size)
        return Error(ErrorKind::invalid_input,
                     "\"" + printable(text, 100) + "\" is not a SHA-256 digest")
            .hint("64 hexadecimal digits are expected");
    Sha256 digest;
    std::copy(bytes->begin(), bytes->end(), digest.bytes_.begin());
    return digest;
}

Sha256 Sha256::of(std::string_view bytes) {
    Sha256Stream stream;
    stream.update(bytes);
    return stream.finish();
}

Result<Sha256> Sha256::of_file(const std::filesystem::path& path) {
    OSIEKIT_ASSIGN(Fd fd, open_file(path, O_RDONLY));
    Sha256Stream stream;
    std::vector<char> buffer(1U << 18U);
    for (;;) {
        ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return Error::from_errno("cannot read " + path.string());
        if (n == 0) return stream.finish();
        stream.update({buffer.data(), static_cast<std::size_t>(n)});
    }
}

std::string Sha256::hex() const {
    return to_hex({reinterpret_cast<const char*>(bytes_.data()), bytes_.size()});
}

}  // namespace osiekit
