#include "server/netboot/ipxe/image_arguments.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"
#include "server/netboot/ipxe/script.hpp"

namespace osiekit::netboot::ipxe {

Result<std::string> image_arguments(std::string_view manifest) {
    auto document = nlohmann::json::parse(manifest, nullptr, false);
    if (!document.is_object())
        return Error(ErrorKind::invalid_input, "the manifest is not a JSON object");
    auto format = document.find("format");
    if (format == document.end() || !format->is_number_integer())
        return Error(ErrorKind::invalid_input, "the manifest has no number \"format\"");
    if (*format != image_manifest_format)
        return Error(ErrorKind::unsupported, "the manifest has format " + format->dump() +
                                                 ", this server reads " +
                                                 std::to_string(image_manifest_format))
            .hint("build the image and the server from the same release");
    auto kernel = document.find("kernel");
    if (kernel == document.end() || !kernel->is_object())
        return Error(ErrorKind::invalid_input, "the manifest has no mapping \"kernel\"");
    auto cmdline = kernel->find("cmdline");
    if (cmdline == kernel->end()) return std::string();
    if (!cmdline->is_string())
        return Error(ErrorKind::invalid_input, "kernel.cmdline of the manifest is not a text");
    const auto& text = cmdline->get_ref<const std::string&>();
    if (text.size() > largest_kernel_command_line)
        return Error(ErrorKind::limit, "kernel.cmdline of the manifest has " +
                                           std::to_string(text.size()) +
                                           " characters, the kernel takes " +
                                           std::to_string(largest_kernel_command_line));
    for (char c : text)
        if (c < 0x20 || c > 0x7e)
            return Error(ErrorKind::invalid_input,
                         "kernel.cmdline of the manifest has a character beyond plain ASCII: \"" +
                             printable(text) + "\"");
    std::string words;
    for (std::string_view word : split_words(text)) {
        if (word == "--")
            return Error(ErrorKind::invalid_input,
                         "kernel.cmdline of the manifest has a word \"--\": the kernel would not "
                         "read what stands behind it");
        if (!words.empty()) words += ' ';
        words += word;
    }
    return words;
}

Result<std::string> ImageArguments::get() const {
    if (folder_.empty()) return std::string();
    std::filesystem::path file = folder_ / "manifest.json";
    std::lock_guard lock(mutex_);
    struct stat about = {};
    if (::stat(file.c_str(), &about) != 0) {
        arguments_.reset();
        if (errno == ENOENT) return std::string();
        return Error::from_errno("looking at " + file.string());
    }
    Identity now{about.st_dev, about.st_ino, about.st_size, about.st_mtim.tv_sec,
                 about.st_mtim.tv_nsec};
    if (arguments_ && now == known_) return *arguments_;
    arguments_.reset();
    OSIEKIT_ASSIGN(std::string text, read_file(file, largest_image_manifest));
    auto arguments = image_arguments(text);
    if (!arguments)
        return std::move(arguments)
            .error()
            .context(file.string())
            .hint(
                "build the image again, or remove the file: the machines then boot without the "
                "kernel "
                "arguments that it names");
    arguments_ = *arguments;
    known_ = now;
    return *std::move(arguments);
}

}  // namespace osiekit::netboot::ipxe
