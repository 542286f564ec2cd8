#include "builder/carried/cached_images.hpp"

#include <utility>

#include "lib/base/file.hpp"

namespace osiekit::builder {

namespace {

BlobNote note_of(const oci::Reference& reference) {
    return {"carried image", reference.to_string()};
}

}  // namespace

Result<Sha256> cached_name(const oci::ContentDigest& digest) {
    if (digest.algorithm() != oci::ContentDigest::Algorithm::sha256)
        return Error(ErrorKind::unsupported,
                     digest.oci() + " is no SHA-256, the cache knows no other")
            .hint("carry the image in a layout of your own, with the key \"trees\"");
    auto name = Sha256::parse(digest.hex());
    if (!name) return Error(ErrorKind::internal, digest.oci() + " is no SHA-256");
    return *name;
}

Result<oci::FetchedDocument> CachedImages::fetch_document(const oci::Reference& reference,
                                                          const std::string& name) {
    if (auto digest = oci::ContentDigest::parse(name)) {
        OSIEKIT_ASSIGN(Sha256 cached, cached_name(*digest));
        OSIEKIT_ASSIGN(auto file, blobs_.find(cached));
        if (file) {
            oci::FetchedDocument document;
            OSIEKIT_ASSIGN(document.bytes, read_file(*file, oci::max_document_bytes));
            document.digest = *digest;
            return document;
        }
    }
    OSIEKIT_ASSIGN(auto* origin, origin_());
    OSIEKIT_ASSIGN(auto document, origin->fetch_document(reference, name));
    OSIEKIT_ASSIGN(Sha256 cached, cached_name(document.digest));
    auto kept = blobs_.put(document.bytes, cached, note_of(reference));
    if (!kept) return std::move(kept).error();
    return document;
}

Result<std::filesystem::path> CachedImages::bring(const oci::Reference& reference,
                                                  const oci::Descriptor& blob,
                                                  const oci::BlobSink& sink) {
    OSIEKIT_ASSIGN(Sha256 cached, cached_name(blob.digest));
    OSIEKIT_ASSIGN(auto found, blobs_.find(cached));
    if (found) {
        std::error_code error;
        if (std::filesystem::file_size(*found, error) == blob.size) return *std::move(found);
        return Error(ErrorKind::digest,
                     blob.digest.oci() + " has not the size that its image states");
    }
    OSIEKIT_ASSIGN(auto* origin, origin_());
    OSIEKIT_ASSIGN(PendingFile file, PendingFile::create(blobs_.directory() / "image"));
    oci::BlobSink both = sink;
    both.on_data = [&](std::string_view piece) -> Status {
        OSIEKIT_TRY(write_all(file.fd(), piece));
        return sink.on_data ? sink.on_data(piece) : Status();
    };
    OSIEKIT_TRY(origin->fetch_blob(reference, blob, both));
    return blobs_.adopt(file.temporary(), cached, note_of(reference));
}

Status CachedImages::fetch_blob(const oci::Reference& reference, const oci::Descriptor& blob,
                                const oci::BlobSink& sink) {
    OSIEKIT_ASSIGN(auto file, bring(reference, blob, {nullptr, sink.cancelled}));
    OSIEKIT_ASSIGN(std::string bytes, read_file(file, blob.size));
    return sink.on_data(bytes);
}

}  // namespace osiekit::builder
