#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"
#include "lib/oci/content_digest.hpp"

namespace osiekit::oci {

// The name of an image as people write it: [registry/]repository[:tag][@digest], by Docker's rules:
// the first part is a registry only if it holds a dot or a colon or is "localhost", otherwise
// docker.io is meant, and a one-part name there lives below library/. Without tag and digest the
// tag is "latest". (Source: OCI distribution specification, "Pulling manifests"; Docker reference
// grammar.)
struct Reference {
    std::string registry;    // host[:port]; "docker.io" for the default
    std::string repository;  // library/alpine
    std::string tag;         // empty when only a digest was given
    std::optional<ContentDigest> digest;

    static constexpr std::size_t max_name_length = 255;  // registry and repository together
    static constexpr std::size_t max_tag_length = 128;

    // Any text; what is wrong with it is said in the error (kind invalid_input, or unsupported for
    // a digest that is neither sha256 nor sha512).
    static Result<Reference> parse(std::string_view text);

    // The host that answers requests: docker.io's API lives at registry-1.docker.io.
    std::string api_host() const;
    // What stands behind /manifests/: the digest if there is one, else the tag.
    std::string manifest_name() const;
    // The full form, every default spelt out.
    std::string to_string() const;

    bool operator==(const Reference&) const = default;
};

}  // namespace osiekit::oci
