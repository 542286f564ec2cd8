#pragma once

#include <nlohmann/json.hpp>

#include "builder/report/image_files.hpp"

namespace osiekit::builder {

// An in-toto Statement v1 (https://github.com/in-toto/attestation) with a SLSA provenance v1
// predicate (https://slsa.dev/spec/v1.0/provenance): what the image's three files were made of, by
// what, with which parameters. It is worked out from the image and its manifest alone, holds no
// secrets (values of variables as digests) and is not signed. The same for the same image.
nlohmann::ordered_json provenance_json(const KnownImage& image);

// What `buildType` and the builder's `id` say.
constexpr const char* provenance_build_type = "urn:osiekit:build:1";
constexpr const char* provenance_builder = "urn:osiekit:builder";

}  // namespace osiekit::builder
