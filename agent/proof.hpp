#pragma once

#include "agent/policy.hpp"
#include "lib/base/result.hpp"
#include "lib/oci/image_source.hpp"

namespace osiekit::agent {

// What the policy wants of an image's digest and signatures, asked when its manifest is known and
// before anything of it is fetched. Errors: refused, with the rule's name; a key that cannot be
// read; the source's own.
Status prove(const Decision& decision, const oci::ResolvedImage& image, oci::ImageSource& source);

}  // namespace osiekit::agent
