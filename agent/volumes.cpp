#include "agent/volumes.hpp"

#include <algorithm>
#include <array>

#include "lib/base/digest.hpp"
#include "lib/base/text.hpp"

namespace osiekit::agent {
namespace {

constexpr std::size_t max_volume_bytes = 8192;

Error invalid(std::string_view text, const std::string& why) {
    return Error(ErrorKind::invalid_input, "the volume \"" + printable(text) + "\" " + why)
        .hint("write /path/on/machine:/path/inside[:ro]");
}

Status apply_options(std::string_view options, sandbox::Mount& mount, std::string_view text) {
    static constexpr std::array<std::string_view, 14> harmless = {
        "z",      "Z",        "nocopy", "shared",    "slave",      "private", "rshared",
        "rslave", "rprivate", "cached", "delegated", "consistent", "exec",    "dev"};
    for (std::string_view option : split(options, ',')) {
        if (option == "ro")
            mount.read_only = true;
        else if (option == "rw")
            mount.read_only = false;
        else if (option == "bind")
            mount.recursive = false;
        else if (option == "rbind")
            mount.recursive = true;
        else if (!option.empty() &&
                 std::find(harmless.begin(), harmless.end(), option) == harmless.end())
            return invalid(text, "has the unknown option \"" + printable(option) + "\"");
    }
    return {};
}

bool valid_name(std::string_view name) {
    auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    };
    return !name.empty() && plain(name.front()) &&
           std::all_of(name.begin(), name.end(),
                       [&](char c) { return plain(c) || c == '_' || c == '.' || c == '-'; });
}

}  // namespace

Result<sandbox::Mount> parse_volume(std::string_view text, const VolumePlaces& places) {
    if (text.size() > max_volume_bytes || text.find('\0') != std::string_view::npos)
        return invalid(text, "is too long or holds a zero byte");
    auto parts = split(text, ':');
    if (parts.size() > 3) return invalid(text, "has too many colons");
    sandbox::Mount mount;
    mount.create_source = true;
    std::string_view target = parts.size() == 1 ? parts[0] : parts[1];
    if (target.empty() || target.front() != '/' || target == "/")
        return invalid(text, "has no absolute path inside");
    mount.target = std::string(target);
    if (parts.size() == 1) {
        mount.source = places.anonymous / Sha256::of(target).hex();
    } else if (!parts[0].empty() && parts[0].front() == '/') {
        mount.source = std::string(parts[0]);
    } else if (valid_name(parts[0])) {
        mount.source = places.named / std::string(parts[0]);
    } else {
        return invalid(text, "has neither an absolute path nor a name in front");
    }
    if (parts.size() == 3) OSIEKIT_TRY(apply_options(parts[2], mount, text));
    return mount;
}

}  // namespace osiekit::agent
