#include "builder/image/lost_attributes.hpp"

#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <set>

#include "builder/debian/deb.hpp"
#include "builder/package_reader.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

constexpr std::size_t longest_attributes = 65536;  // XATTR_LIST_MAX
constexpr std::size_t most_named = 8;              // files of one package

// Absolute paths in a shell script, without the quotes around them.
std::set<std::string> paths_in(std::string_view script) {
    std::set<std::string> paths;
    constexpr std::string_view ends = " \t\n\"'`()=;:&|<>";
    for (std::size_t at = script.find('/'); at != std::string_view::npos;) {
        std::size_t end = std::min(script.find_first_of(ends, at), script.size());
        bool begins = at == 0 || ends.find(script[at - 1]) != std::string_view::npos;
        if (begins) paths.emplace(script.substr(at + 1, end - at - 1));
        at = script.find('/', end);
    }
    return paths;
}

}  // namespace

std::string lost_attribute(std::string_view origin, std::string_view path,
                           std::string_view attribute) {
    return std::string(origin) + ": \"" + printable(path) + "\" loses its attribute " +
           printable(attribute) + ": an initramfs cannot carry it";
}

std::vector<std::string> attributes_of_file(const std::filesystem::path& file) {
    std::vector<std::string> list;
    // Most have none.
    ssize_t size = ::llistxattr(file.c_str(), nullptr, 0);
    if (size <= 0) return list;
    std::string names(longest_attributes, '\0');
    size = ::llistxattr(file.c_str(), names.data(), names.size());
    if (size <= 0) return list;
    names.resize(static_cast<std::size_t>(size));
    for (std::string_view name : split(names, '\0'))
        if (!name.empty() && name != "security.selinux") list.emplace_back(name);
    return list;
}

Result<std::vector<std::string>> lost_to_script(const LocatedPackage& package, const Tree& tree) {
    std::vector<std::string> warnings;
    if (is_apk(package)) return warnings;  // theirs are in the archive
    OSIEKIT_ASSIGN(std::string script, read_deb_script(package.file, "postinst"));
    auto words = split_words(script);
    bool gives = std::any_of(words.begin(), words.end(), [](std::string_view word) {
        return word == "setcap" || word.ends_with("/setcap");
    });
    if (!gives) return warnings;
    for (const std::string& path : paths_in(script)) {
        // A script may say /bin/ping of what the package has in /usr/bin.
        for (const std::string& name : {path, "usr/" + path}) {
            const Entry* entry = tree.find(name);
            if (entry == nullptr || entry->type != EntryType::file) continue;
            if ((entry->mode & 0111U) == 0 || warnings.size() == most_named) continue;
            warnings.push_back(lost_attribute("package " + package.reference(), "/" + name,
                                              "security.capability, which a script of the package "
                                              "gives it"));
        }
    }
    if (warnings.empty())
        warnings.push_back("package " + package.reference() +
                           ": a script gives its programs capabilities (setcap), which an "
                           "initramfs cannot carry");
    return warnings;
}

}  // namespace osiekit::builder
