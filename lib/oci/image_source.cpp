#include "lib/oci/image_source.hpp"

#include <utility>

#include "lib/base/text.hpp"

namespace osiekit::oci {

Result<std::string> ImageSource::fetch_small_blob(const Reference& reference,
                                                  const Descriptor& blob, std::uint64_t limit) {
    if (blob.size > limit)
        return Error(ErrorKind::limit, blob.digest.oci() + " is larger than " + human_size(limit));
    std::string bytes;
    auto keep = [&](std::string_view piece) -> Status {
        bytes += piece;
        return {};
    };
    OSIEKIT_TRY(fetch_blob(reference, blob, BlobSink{keep}));
    return bytes;
}

Result<ResolvedImage> ImageSource::resolve(const Reference& reference, const Platform& platform) {
    std::string name = reference.manifest_name();
    std::optional<ContentDigest> named;
    std::vector<Descriptor> documents;
    for (int depth = 0; depth < max_index_depth; ++depth) {
        OSIEKIT_ASSIGN(auto fetched, fetch_document(reference, name));
        if (!named) named = fetched.digest;
        OSIEKIT_ASSIGN(auto document, parse_document(fetched.bytes, fetched.content_type));
        Descriptor& read = documents.emplace_back();
        read.media_type = std::visit([](const auto& one) { return one.media_type; }, document);
        read.digest = fetched.digest;
        read.size = fetched.bytes.size();
        if (auto* index = std::get_if<Index>(&document)) {
            OSIEKIT_ASSIGN(auto chosen, choose_platform(*index, platform));
            name = chosen.digest.oci();
            continue;
        }
        ResolvedImage image{reference, fetched.digest,
                            *named,    std::get<Manifest>(std::move(document)),
                            {},        std::move(documents)};
        auto bytes = fetch_small_blob(reference, image.manifest.config, max_document_bytes)
                         .context("reading the image's configuration");
        if (!bytes) return std::move(bytes).error();
        OSIEKIT_ASSIGN(image.config, parse_config(*bytes));
        const Platform& made_for = image.config.platform;
        if (!made_for.architecture.empty() && !fits(made_for, platform))
            return Error(ErrorKind::unsupported, "the image is made for " +
                                                     printable(made_for.to_string()) +
                                                     ", this machine is " + platform.to_string())
                .hint("build the image for this machine's architecture");
        if (image.config.diff_ids.size() != image.manifest.layers.size())
            return Error(ErrorKind::invalid_input,
                         "the image's manifest and configuration name different numbers of layers");
        return image;
    }
    return Error(ErrorKind::limit, "the image's indexes are nested too deeply");
}

}  // namespace osiekit::oci
