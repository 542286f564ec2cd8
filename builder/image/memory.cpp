#include "builder/image/memory.hpp"

#include <algorithm>

#include "builder/image/manifest.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

std::string image_cmdline(const std::string& cmdline, bool kernel_reads_option) {
    auto words = split_words(cmdline);
    bool stated = std::any_of(words.begin(), words.end(), [](std::string_view word) {
        return word.starts_with(root_size_option);
    });
    if (!kernel_reads_option || stated) return cmdline;
    // Before the others: behind "--" they would be arguments of init.
    std::string all(root_size_argument);
    return cmdline.empty() ? all : all + " " + cmdline;
}

std::uint64_t needed_ram(const BuiltImage& image) {
    auto words = split_words(image.cmdline);
    bool raised = std::find(words.begin(), words.end(), root_size_argument) != words.end();
    return raised ? least_ram_with_option(image) : least_ram(image);
}

}  // namespace osiekit::builder
