#pragma once

#include "lib/oci_layout/layout_writer.hpp"

namespace osiekit::oci_layout::test {

// An image with each kind of entry.
inline Image sample() {
    Image image;
    image.architecture = "amd64";
    image.entrypoint = {"/bin/tool"};
    image.env = {"A=1"};
    image.labels = {{"org.opencontainers.image.title", "sample"}};
    image.entries = {
        {EntryKind::file, "bin/tool", 0755, std::string(100000, 't')},
        {EntryKind::file, "etc/empty", 0600, ""},
        {EntryKind::directory, "tmp", 01777, ""},
        {EntryKind::symlink, "sbin", 0777, "bin"},
        {EntryKind::file, "long/" + std::string(120, 'n') + "/" + std::string(120, 'm'), 0644,
         "long name"}};
    return image;
}

}  // namespace osiekit::oci_layout::test
