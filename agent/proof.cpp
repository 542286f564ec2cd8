#include "agent/proof.hpp"

#include <string>
#include <utility>
#include <vector>

#include "lib/base/file.hpp"
#include "lib/oci/signature.hpp"

namespace osiekit::agent {

Status prove(const Decision& decision, const oci::ResolvedImage& image, oci::ImageSource& source) {
    OSIEKIT_ASSIGN(bool signature, needs_signature(decision, image.manifest_digest.oci()));
    if (!signature) return {};
    std::vector<std::string> keys;
    for (const auto& path : decision.keys) {
        OSIEKIT_ASSIGN(std::string pem, read_file(path, oci::max_public_key_bytes));
        keys.push_back(std::move(pem));
    }
    auto verified = oci::verify_signature(source, image, keys);
    if (!verified && verified.error().kind() == ErrorKind::refused)
        return refuse(decision, verified.error().message());
    return verified;
}

}  // namespace osiekit::agent
