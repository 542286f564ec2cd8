#include "lib/oci/layout_source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"
#include "lib/oci/tree_at.hpp"

namespace osiekit::oci {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t max_layout_file_bytes = 4096;
constexpr const char* ref_name = "org.opencontainers.image.ref.name";
constexpr const char* containerd_name = "io.containerd.image.name";

// How much of the name of registry, repository and tag a layout gives an image.
enum class Named { no, by_tag, in_full };

Named named(const Descriptor& entry, const Reference& reference, const std::string& tag) {
    Named best = Named::no;
    for (const char* key : {containerd_name, ref_name}) {
        auto found = entry.annotations.find(key);
        if (found == entry.annotations.end()) continue;
        if (found->second == tag) best = Named::by_tag;
        // A bare tag does not say whose it is.
        if (found->second.find('/') == std::string::npos) continue;
        auto name = Reference::parse(found->second);
        if (name && name->registry == reference.registry &&
            name->repository == reference.repository && name->tag == tag)
            return Named::in_full;
    }
    return best;
}

}  // namespace

Result<LayoutSource> LayoutSource::open(const std::filesystem::path& directory, LayoutNames names) {
    OSIEKIT_ASSIGN(Fd root, open_file(directory, O_PATH | O_DIRECTORY));
    OSIEKIT_ASSIGN(auto text, read_file_in_root(root.get(), "oci-layout", max_layout_file_bytes)
                                  .context("the image layout " + directory.string()));
    Json json = Json::parse(text.begin(), text.end(), nullptr, false);
    bool known = json.is_object() && json.contains("imageLayoutVersion") &&
                 json["imageLayoutVersion"].is_string() &&
                 json["imageLayoutVersion"].get_ref<const std::string&>().rfind("1.", 0) == 0;
    if (!known)
        return Error(ErrorKind::invalid_input,
                     directory.string() + " is not an image layout of version 1");
    return LayoutSource(directory, std::move(root), names);
}

Result<ContentDigest> LayoutSource::find_tag(const Reference& reference,
                                             const std::string& tag) const {
    OSIEKIT_ASSIGN(auto text, read_file_in_root(root_.get(), "index.json", max_document_bytes)
                                  .context("the image layout " + directory_.string()));
    OSIEKIT_ASSIGN(auto document, parse_document(text, media_type_index));
    const auto* index = std::get_if<Index>(&document);
    if (index == nullptr)
        return Error(ErrorKind::invalid_input,
                     "index.json of " + directory_.string() + " is not an index");
    std::string name = reference.registry + "/" + reference.repository + ":" + tag;
    std::vector<Named> allowed = {Named::in_full};
    if (names_ == LayoutNames::any) allowed.push_back(Named::by_tag);
    for (Named wanted : allowed) {
        std::set<ContentDigest> found;
        for (const Descriptor& entry : index->manifests)
            if (named(entry, reference, tag) == wanted) found.insert(entry.digest);
        if (found.size() > 1)
            return Error(ErrorKind::invalid_input,
                         directory_.string() + " has several images of the name " + name);
        if (!found.empty()) return *found.begin();
    }
    if (names_ == LayoutNames::any && index->manifests.size() == 1)
        return index->manifests.front().digest;
    return Error(ErrorKind::not_found, name + " is not in " + directory_.string());
}

Result<Fd> LayoutSource::open_blob(const ContentDigest& digest) const {
    std::string oci = digest.oci();
    std::string path = "blobs/" + oci.substr(0, oci.find(':')) + "/" + digest.hex();
    OSIEKIT_ASSIGN(Fd file, open_in_root(root_.get(), path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW));
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) return Error::from_errno("looking at " + path);
    if (!S_ISREG(status.st_mode))
        return Error(ErrorKind::invalid_input,
                     (directory_ / path).string() + " is not a regular file");
    return file;
}

Result<FetchedDocument> LayoutSource::fetch_document(const Reference& reference,
                                                     const std::string& name) {
    auto wanted = ContentDigest::parse(name);
    if (!wanted) wanted = find_tag(reference, name);
    if (!wanted) return std::move(wanted).error();
    OSIEKIT_ASSIGN(Fd file, open_blob(*wanted));
    FetchedDocument fetched;
    OSIEKIT_ASSIGN(fetched.bytes, read_all(file.get(), max_document_bytes));
    fetched.digest = ContentDigest::of(fetched.bytes, wanted->algorithm());
    if (fetched.digest != *wanted)
        return Error(ErrorKind::digest, "the blob " + wanted->oci() + " of " + directory_.string() +
                                            " is " + fetched.digest.oci())
            .hint("the image layout was changed after it was made; make it anew");
    return fetched;
}

Status LayoutSource::fetch_blob(const Reference&, const Descriptor& blob, const BlobSink& sink) {
    OSIEKIT_ASSIGN(Fd file, open_blob(blob.digest));
    ContentHash hash(blob.digest.algorithm());
    std::uint64_t size = 0;
    auto buffer = std::make_unique<std::array<char, 128 * 1024>>();
    for (;;) {
        if (sink.cancelled && sink.cancelled())
            return Error(ErrorKind::cancelled, "the blob is not wanted any more");
        ssize_t n = ::read(file.get(), buffer->data(), buffer->size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return Error::from_errno("reading the blob " + blob.digest.oci());
        if (n == 0) break;
        std::string_view piece(buffer->data(), static_cast<std::size_t>(n));
        size += piece.size();
        if (size > blob.size) break;
        hash.update(piece);
        OSIEKIT_TRY(sink.on_data(piece));
    }
    ContentDigest found = hash.finish();
    if (size == blob.size && found == blob.digest) return {};
    return Error(ErrorKind::digest, "the blob " + blob.digest.oci() + " of " + directory_.string() +
                                        " is not what its name says")
        .hint("the image layout was changed after it was made; make it anew");
}

Result<FetchedDocument> FirstOf::fetch_document(const Reference& reference,
                                                const std::string& name) {
    auto fetched = first_.fetch_document(reference, name);
    if (fetched) first_was_used_ = true;
    if (fetched || fetched.error().kind() != ErrorKind::not_found) return fetched;
    return second_.fetch_document(reference, name);
}

Status FirstOf::fetch_blob(const Reference& reference, const Descriptor& blob,
                           const BlobSink& sink) {
    bool begun = false;
    auto note = [&](std::string_view piece) {
        begun = true;
        return sink.on_data(piece);
    };
    auto fetched = first_.fetch_blob(reference, blob, BlobSink{note, sink.cancelled});
    // What the reader has got cannot be taken back.
    if (fetched || begun || fetched.error().kind() != ErrorKind::not_found) return fetched;
    return second_.fetch_blob(reference, blob, sink);
}

}  // namespace osiekit::oci
