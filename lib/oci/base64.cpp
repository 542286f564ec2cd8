#include "lib/oci/base64.hpp"

#include <openssl/evp.h>

#include "lib/base/text.hpp"

namespace osiekit::oci {

std::optional<std::string> from_base64(std::string_view text) {
    text = trim(text);
    if (text.empty()) return std::string();
    if (text.size() % 4 != 0 || text.size() > 1U << 24U) return std::nullopt;
    std::string bytes(text.size() / 4 * 3, '\0');
    int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                                 reinterpret_cast<const unsigned char*>(text.data()),
                                 static_cast<int>(text.size()));
    if (length < 0) return std::nullopt;
    // OpenSSL counts padding as zero bytes, wherever it stands.
    std::size_t padding = text.size() - (text.find_last_not_of('=') + 1);
    if (padding > 2 || text.find('=') < text.size() - padding) return std::nullopt;
    bytes.resize(static_cast<std::size_t>(length) - padding);
    return bytes;
}

}  // namespace osiekit::oci
