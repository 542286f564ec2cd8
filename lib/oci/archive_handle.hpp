#pragma once

#include <archive.h>

#include <memory>
#include <string>

#include "lib/base/result.hpp"

// What the stages of unpacking share of libarchive.
namespace osiekit::oci {

struct ReadArchiveDeleter {
    void operator()(archive* handle) const { ::archive_read_free(handle); }
};
using ReadArchive = std::unique_ptr<archive, ReadArchiveDeleter>;

// "WHAT: what libarchive says", kind invalid_input.
Error archive_error(archive* handle, const std::string& what);

}  // namespace osiekit::oci
