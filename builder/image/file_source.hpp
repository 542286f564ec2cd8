#pragma once

#include <compare>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/image/segment.hpp"

namespace osiekit::builder {

// Whom a file of an image comes from.
struct FileSource {
    enum class Kind {
        package,  // name: of the package, as package_reference writes it
        program,  // name: of our program
        profile,  // name: "site.yaml:7", the file beside the profile or the profile's own
        builder,  // no name: what every image has, and what is worked out (modules.dep)
    };
    Kind kind = Kind::builder;
    std::string name;

    // As manifests write it: "package alpine:busybox", "profile site.yaml:7", "builder".
    std::string to_string() const;
    static std::optional<FileSource> parse(std::string_view text);
    auto operator<=>(const FileSource&) const = default;
};

// What Entry::origin says, in a form that does not depend on where the profile lies: names of
// files are relative to `profile_directory`.
FileSource source_of(std::string_view origin, const std::filesystem::path& profile_directory);

// The name of a file as seen from a folder, as text alone ("../base.yaml"); unchanged if the folder
// is empty.
std::string relative_name(const std::filesystem::path& file,
                          const std::filesystem::path& directory);

// The sources of a segment's entries: the one that most files have, and the paths of all others.
struct SegmentSources {
    FileSource most;
    std::map<FileSource, std::vector<std::string>> others;
};
SegmentSources sources_of(const Segment& segment, const std::filesystem::path& profile_directory);

}  // namespace osiekit::builder
