#pragma once

#include <atomic>
#include <filesystem>
#include <string>
#include <utility>

#include "lib/base/fd.hpp"
#include "lib/base/result.hpp"
#include "lib/oci/image_source.hpp"

namespace osiekit::oci {

// Which image of a layout a name means.
enum class LayoutNames {
    full,  // the one that has the whole name
    // Somebody says that the layout has the image: the one that has the whole name, else the one
    // that has the tag alone, else the only one.
    any,
};

// Images in an OCI image layout (image-spec, "Image Layout") on disk, such as
// `skopeo copy --all docker://registry.example/tool:v1 oci:DIR:registry.example/tool:v1` makes.
// An image is found by its full name, which index.json has in the annotation
// org.opencontainers.image.ref.name or io.containerd.image.name, or by a digest that index.json
// names or that is a blob of the layout. Two images of one name are an error. Every byte is checked
// against its digest. Blobs that are links or no regular files are refused.
class LayoutSource : public ImageSource {
  public:
    // Errors: not_found, if there is no layout; invalid_input for another version of it; io.
    static Result<LayoutSource> open(const std::filesystem::path& directory,
                                     LayoutNames names = LayoutNames::full);
    LayoutSource(LayoutSource&& other) noexcept
        : directory_(std::move(other.directory_)),
          root_(std::move(other.root_)),
          names_(other.names_) {}

    // not_found: it is not in the layout; another source may have it.
    Result<FetchedDocument> fetch_document(const Reference& reference,
                                           const std::string& name) override;
    Status fetch_blob(const Reference& reference, const Descriptor& blob,
                      const BlobSink& sink) override;

  private:
    LayoutSource(std::filesystem::path directory, Fd root, LayoutNames names)
        : directory_(std::move(directory)), root_(std::move(root)), names_(names) {}
    Result<Fd> open_blob(const ContentDigest& digest) const;
    Result<ContentDigest> find_tag(const Reference& reference, const std::string& tag) const;

    std::filesystem::path directory_;  // for messages
    Fd root_;
    LayoutNames names_;
};

// First one source, then, for what is not found there, another. What is found and wrong is an
// error: bytes that were changed are not passed over.
class FirstOf : public ImageSource {
  public:
    FirstOf(ImageSource& first, ImageSource& second) : first_(first), second_(second) {}

    Result<FetchedDocument> fetch_document(const Reference& reference,
                                           const std::string& name) override;
    Status fetch_blob(const Reference& reference, const Descriptor& blob,
                      const BlobSink& sink) override;
    bool cancelled() const override { return second_.cancelled(); }
    // Whether the first source had any document that was asked for.
    bool first_was_used() const { return first_was_used_; }

  private:
    std::atomic<bool> first_was_used_ = false;
    ImageSource& first_;
    ImageSource& second_;
};

}  // namespace osiekit::oci
