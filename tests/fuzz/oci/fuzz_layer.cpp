// Whole layers into a directory: nothing may appear beside it.
#include <fcntl.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "lib/oci/image_store.hpp"
#include "tests/unit/oci/unpack_layer.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace osiekit;
    static TempDir directory = TempDir::create("fuzz-layer", "/dev/shm").value();
    auto root = directory / "root";
    std::filesystem::create_directory(root);
    {
        Fd fd = open_file(root, O_RDONLY | O_DIRECTORY).value();
        std::string_view rest(reinterpret_cast<const char*>(data), size);
        oci::ByteSource source = [&]() -> Result<std::string_view> {
            std::string_view piece = rest.substr(0, 512);
            rest.remove_prefix(piece.size());
            return piece;
        };
        [[maybe_unused]] auto unpacked = oci::unpack_layer(source, fd.get(), {1U << 20U, 100});
    }
    if (!oci::remove_directory(root) || !std::filesystem::is_empty(directory.path())) std::abort();
    return 0;
}
