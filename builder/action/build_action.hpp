#pragma once

#include <filesystem>

#include "lib/base/result.hpp"
#include "lib/oci_layout/layout_writer.hpp"

namespace osiekit::action {

struct BuildRequest {
    std::filesystem::path folder;    // with an image.yaml
    std::filesystem::path out;       // the layout to write
    std::filesystem::path programs;  // where the definition's program is
    std::string tag = "latest";
    oci_layout::Compression compression = oci_layout::Compression::gzip;
};

struct BuiltAction {
    std::string name;
    std::string architecture;
    Sha256 manifest;
    std::uint64_t program_bytes = 0;
    std::uint64_t layer_bytes = 0;
};

// Makes an image of one static program. The same program and definition give the same bytes.
Result<BuiltAction> build_action(const BuildRequest& request);

}  // namespace osiekit::action
