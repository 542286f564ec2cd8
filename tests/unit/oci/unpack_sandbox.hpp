#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <zlib.h>
#include <zstd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <string>
#include <string_view>

#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "tests/unit/oci/unpack_layer.hpp"

inline std::string gzip(const std::string& bytes) {
    z_stream stream{};
    REQUIRE(deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    std::string out(deflateBound(&stream, bytes.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(stream.total_out);
    deflateEnd(&stream);
    return out;
}

inline std::string zstd(const std::string& bytes) {
    std::string out(ZSTD_compressBound(bytes.size()), '\0');
    out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 1));
    return out;
}

// In memory, as on the machine; unpacking makes many small files.
inline std::filesystem::path sandbox_parent() {
    return std::filesystem::is_directory("/dev/shm") ? "/dev/shm"
                                                     : std::filesystem::temp_directory_path();
}

// A store directory with a witness file beside the root: what an attack would reach.
struct Sandbox {
    osiekit::TempDir directory = osiekit::TempDir::create("unpack", sandbox_parent()).value();
    std::filesystem::path root = directory / "root";
    std::filesystem::path outside = directory / "outside";

    Sandbox() {
        namespace fs = std::filesystem;
        fs::create_directory(root);
        fs::create_directory(outside);
        REQUIRE(osiekit::write_file(outside / "witness", "untouched"));
    }
    osiekit::Result<osiekit::oci::UnpackedLayer> unpack(
        const std::string& bytes, osiekit::oci::UnpackLimits limits = {}) const {
        // In odd pieces, as a network gives them.
        std::size_t at = 0;
        return unpack_from(
            [&]() -> osiekit::Result<std::string_view> {
                std::string_view piece = std::string_view(bytes).substr(at, 1000);
                at += piece.size();
                return piece;
            },
            limits);
    }
    osiekit::Result<osiekit::oci::UnpackedLayer> unpack_from(
        const osiekit::oci::ByteSource& source, osiekit::oci::UnpackLimits limits = {}) const {
        osiekit::Fd fd = osiekit::open_file(root, O_RDONLY | O_DIRECTORY).value();
        return osiekit::oci::unpack_layer(source, fd.get(), limits);
    }
    void require_outside_untouched() const {
        namespace fs = std::filesystem;
        REQUIRE(osiekit::read_file(outside / "witness").value() == "untouched");
        REQUIRE(std::distance(fs::directory_iterator(outside), fs::directory_iterator()) == 1);
        REQUIRE(std::distance(fs::directory_iterator(directory.path()), fs::directory_iterator()) ==
                2);
        struct stat status {};
        REQUIRE(::stat((outside / "witness").c_str(), &status) == 0);
        REQUIRE((status.st_mode & 07777U) == 0644);
        REQUIRE(status.st_nlink == 1);
    }
    struct stat look(const std::string& name) const {
        struct stat status {};
        REQUIRE(::lstat((root / name).c_str(), &status) == 0);
        return status;
    }
    bool is_whiteout(const std::string& name) const {
        struct stat status = look(name);
        return S_ISCHR(status.st_mode) && status.st_rdev == 0;
    }
    bool is_opaque(const std::string& name) const {
        char value = 0;
        return ::lgetxattr((root / name).c_str(), "trusted.overlay.opaque", &value, 1) == 1;
    }
};
