#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "images/image2disk/decoder.hpp"
#include "lib/base/child.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "lib/base/text.hpp"

namespace osiekit::images::test {

using namespace osiekit::images::image2disk;

constexpr Format formats[] = {Format::gzip, Format::bzip2, Format::xz, Format::zstd};

// Bytes that compress by about half and are the same in every run.
inline std::string image_bytes(std::size_t size) {
    std::string bytes;
    bytes.reserve(size);
    std::uint32_t state = 12345;
    while (bytes.size() < size) {
        state = state * 1664525U + 1013904223U;
        bytes += static_cast<char>(state >> 24U);
        bytes += 'x';
    }
    bytes.resize(size);
    return bytes;
}

inline std::string output_of(const std::vector<std::string>& command) {
    auto output = run_command(command, 64U << 20U);
    REQUIRE(output);
    INFO(output->err);
    REQUIRE(output->exit_code == 0);
    return output->out;
}

// By the reference tool of each format.
inline std::string compressed(const std::string& bytes, Format format) {
    TempDir dir = TempDir::create().value();
    REQUIRE(write_file(dir / "in", bytes));
    return output_of({std::string(to_string(format)), "-c", (dir / "in").string()});
}

}  // namespace osiekit::images::test
