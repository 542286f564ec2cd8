#include "builder/image/output_names.hpp"

#include <nlohmann/json.hpp>

#include "builder/profile/checks.hpp"
#include "lib/base/file.hpp"

namespace osiekit::builder {

namespace {

constexpr std::size_t longest_name_read = 255;

void take_name(const nlohmann::json& outputs, const char* key, std::string& name) {
    auto found = outputs.find(key);
    if (found == outputs.end() || !found->is_string()) return;
    const auto& text = found->get_ref<const std::string&>();
    if (is_name(text, "._-", longest_name_read)) name = text;
}

}  // namespace

OutputNames output_names(const std::filesystem::path& folder) {
    auto text = read_file(folder / manifest_name, largest_manifest);
    return text ? output_names_of(*text) : OutputNames();
}

OutputNames output_names_of(std::string_view text) {
    OutputNames names;
    // The key is rare; whoever needs the rest reads the manifest anyway.
    if (text.find("\"outputs\"") == std::string_view::npos) return names;
    auto manifest = nlohmann::json::parse(text, nullptr, false);
    if (!manifest.is_object()) return names;
    auto outputs = manifest.find("outputs");
    if (outputs == manifest.end() || !outputs->is_object()) return names;
    take_name(*outputs, "kernel", names.kernel);
    take_name(*outputs, "initramfs", names.initramfs);
    return names;
}

std::string ipxe_script(const std::string& image, const OutputNames& names,
                        const std::string& cmdline) {
    std::string arguments = cmdline.empty() ? "" : " " + cmdline;
    return "#!ipxe\n# " + image + "\nkernel " + names.kernel + " initrd=" + names.initramfs +
           arguments + "\ninitrd " + names.initramfs + "\nboot\n";
}

}  // namespace osiekit::builder
