// Entries as no archive has them, straight to the writer: nothing may appear beside the root, and
// everything can be removed again. Three bytes an entry: its type, its name, its target.
#include <fcntl.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "lib/oci/image_store.hpp"
#include "lib/oci/layer_writer.hpp"

namespace {

constexpr std::array<const char*, 24> names = {"a",
                                               "b",
                                               "a/b",
                                               "a/b/c",
                                               "./a",
                                               "/a",
                                               "a//b",
                                               "../a",
                                               "a/..",
                                               ".",
                                               "",
                                               "..",
                                               ".wh.a",
                                               "a/.wh.b",
                                               ".wh...",
                                               ".wh..wh..opq",
                                               "a/.wh..wh..opq",
                                               ".wh..wh.x",
                                               "b/a/b",
                                               "a/../../x",
                                               "b/.wh.a",
                                               "/proc/self/cwd",
                                               "/dev/shm",
                                               "c"};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace osiekit;
    static TempDir directory = TempDir::create("fuzz-entry", "/dev/shm").value();
    auto root = directory / "root";
    std::filesystem::create_directory(root);
    {
        Fd fd = open_file(root, O_RDONLY | O_DIRECTORY).value();
        oci::LayerWriter writer(fd.get(), {4, 1000});
        for (std::size_t i = 0; i + 3 <= size && i < 3 * 200; i += 3) {
            oci::LayerEntry entry;
            entry.type = static_cast<oci::LayerEntry::Type>(data[i] % 7);
            entry.mode = data[i] & 0777U;
            entry.name = names[data[i + 1] % names.size()];
            entry.target = names[data[i + 2] % names.size()];
            entry.device = data[i + 2];
            auto file = writer.add(entry);
            if (file && *file) {
                [[maybe_unused]] auto closed = writer.close_file(entry, std::move(*file));
            }
        }
        [[maybe_unused]] auto finished = writer.finish();
    }
    if (!oci::remove_directory(root) || !std::filesystem::is_empty(directory.path())) std::abort();
    return 0;
}
