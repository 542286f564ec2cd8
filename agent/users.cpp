#include "agent/users.hpp"

#include <functional>
#include <optional>

#include "lib/base/text.hpp"
#include "lib/oci/tree_at.hpp"

namespace osiekit::agent {
namespace {

using Fields = std::vector<std::string_view>;

// The largest number that is an id; the one above it means "none" to chown(2).
constexpr std::uint64_t max_id = 0xfffffffe;

std::optional<std::uint32_t> parse_id(std::string_view text) {
    auto number = parse_u64(text);
    if (!number || *number > max_id) return std::nullopt;
    return static_cast<std::uint32_t>(*number);
}

// Calls `use` with the fields of each line of a passwd or group file until it returns true.
bool each_line(std::string_view file, std::size_t fields,
               const std::function<bool(const Fields&)>& use) {
    for (std::string_view line : split(file, '\n')) {
        Fields parts = split(line, ':');
        if (parts.size() >= fields && use(parts)) return true;
    }
    return false;
}

Error unknown(const std::string& what, std::string_view name) {
    return Error(ErrorKind::invalid_input,
                 "the image's " + what + " \"" + printable(name) + "\" does not exist in the image")
        .hint("use a numeric id, or add the name to the image's /etc/passwd or /etc/group");
}

Result<gid_t> look_up_group(std::string_view name, std::string_view group) {
    if (auto id = parse_id(name)) return *id;
    std::optional<std::uint32_t> found;
    each_line(group, 3, [&](const Fields& fields) {
        if (fields[0] == name) found = parse_id(fields[2]);
        return found.has_value();
    });
    if (!found) return unknown("group", name);
    return *found;
}

}  // namespace

Result<UserIdentity> look_up_user(std::string_view user, std::string_view passwd,
                                  std::string_view group) {
    UserIdentity identity;
    std::size_t colon = user.find(':');
    std::string_view name = user.substr(0, colon);
    auto number = name.empty() ? std::optional<std::uint32_t>(0) : parse_id(name);
    std::string_view login;
    bool listed = each_line(passwd, 6, [&](const Fields& fields) {
        auto uid = parse_id(fields[2]);
        auto gid = parse_id(fields[3]);
        bool matches = number ? uid == number : fields[0] == name;
        if (!matches || !uid || !gid) return false;
        identity.uid = *uid;
        identity.gid = *gid;
        if (!fields[5].empty()) identity.home = std::string(fields[5]);
        login = fields[0];
        return true;
    });
    if (!listed && !number) return unknown("user", name);
    if (number) identity.uid = *number;
    if (colon != std::string_view::npos) {
        std::string_view wanted = user.substr(colon + 1);
        if (wanted.empty()) return unknown("group", wanted);
        OSIEKIT_ASSIGN(identity.gid, look_up_group(wanted, group));
        return identity;
    }
    if (login.empty()) return identity;
    each_line(group, 4, [&](const Fields& fields) {
        for (std::string_view member : split(fields[3], ','))
            if (auto gid = parse_id(fields[2]); gid && member == login && *gid != identity.gid)
                identity.groups.push_back(*gid);
        return false;
    });
    return identity;
}

Result<UserIdentity> look_up_user_in_root(std::string_view user, int root_fd) {
    std::string contents[2];
    const char* names[2] = {"etc/passwd", "etc/group"};
    for (int i = 0; i < 2; ++i) {
        auto text = oci::read_file_in_root(root_fd, names[i], max_user_file_bytes);
        // Images of one static program have neither file.
        if (text)
            contents[i] = std::move(*text);
        else if (text.error().kind() != ErrorKind::not_found)
            return std::move(text).error().context("reading the image's users");
    }
    return look_up_user(user, contents[0], contents[1]);
}

}  // namespace osiekit::agent
