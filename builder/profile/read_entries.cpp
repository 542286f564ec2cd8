#include "builder/profile/checks.hpp"
#include "builder/profile/keys.hpp"
#include "builder/profile/readers.hpp"
#include "lib/base/text.hpp"
#include "lib/oci/reference.hpp"

namespace osiekit::builder {

using Members = YamlValue::Members;

namespace {

Result<bool> read_host_libraries(const YamlValue& value) {
    OSIEKIT_ASSIGN(std::string text, value.text("image or host"));
    if (text != "image" && text != "host")
        return value.bad("unknown place of libraries \"" + printable(text) + "\"")
            .hint("image: they have to be there; host: bring those of this machine along");
    return text == "host";
}

}  // namespace

Result<FileSpec> read_file_spec(const YamlValue& value, const Variables& variables) {
    FileSpec file;
    file.where = value.where();
    bool has_content = false;
    std::string content_where;
    OSIEKIT_ASSIGN(Members members, value.members(keys_of("files[]")));
    for (const auto& [key, member] : members) {
        if (key == "path") {
            OSIEKIT_ASSIGN(file.path, read_path(member));
        } else if (key == "content") {
            OSIEKIT_ASSIGN(file.content, member.text("text"));
            has_content = true;
            content_where = member.where();
        } else if (key == "source") {
            OSIEKIT_ASSIGN(std::string source, read_line(member, "a file name"));
            if (source.empty()) return member.bad("the file name is empty");
            file.source = member.directory() / source;
            file.where = member.where();
        } else if (key == "template") {
            OSIEKIT_ASSIGN(file.is_template, member.yes_or_no());
        } else if (key == "libraries") {
            OSIEKIT_ASSIGN(file.host_libraries, read_host_libraries(member));
        } else if (key == "mode") {
            OSIEKIT_ASSIGN(file.mode, read_mode(member));
        } else {
            OSIEKIT_ASSIGN(auto owner, read_owner(member));
            file.uid = owner.first;
            file.gid = owner.second;
        }
    }
    if (file.path.empty()) return value.bad("a file lacks the key \"path\"");
    if (has_content == file.source.has_value())
        return value.bad("the file /" + file.path + " needs either \"content\" or \"source\"");
    if (file.host_libraries && (has_content || file.is_template))
        return value.bad("the file /" + file.path +
                         " is text, which has no libraries to bring along");
    if (file.is_template && has_content) {
        OSIEKIT_ASSIGN(file.content, expand(file.content, variables, content_where));
    }
    return file;
}

Result<TreeSpec> read_tree(const YamlValue& value) {
    TreeSpec tree;
    tree.where = value.where();
    OSIEKIT_ASSIGN(Members members, value.members(keys_of("trees[]")));
    for (const auto& [key, member] : members) {
        if (key == "source") {
            OSIEKIT_ASSIGN(std::string source, read_line(member, "a folder or tar archive"));
            if (source.empty()) return member.bad("the name of the folder is empty");
            tree.source = member.directory() / std::filesystem::path(source).lexically_normal();
            tree.where = member.where();
        } else if (key == "path") {
            OSIEKIT_ASSIGN(std::string path, member.text("a path"));
            if (path == "/") continue;
            OSIEKIT_ASSIGN(tree.path, read_path(member));
        } else {
            OSIEKIT_ASSIGN(tree.owner, read_owner(member));
        }
    }
    if (tree.source.empty()) return value.bad("a tree lacks the key \"source\"");
    return tree;
}

namespace {

// In full; the machine finds it by that.
Result<std::string> read_image_name(const YamlValue& value,
                                    const std::vector<CarriedSpec>& others) {
    OSIEKIT_ASSIGN(std::string text, read_line(value, "the name of an image"));
    auto reference = oci::Reference::parse(text);
    if (!reference) return value.bad(reference.error().to_string());
    // Two images under one tag would be one name for two things, whatever their digests.
    auto tagged = [](oci::Reference name) {
        if (!name.tag.empty()) name.digest.reset();
        return name.to_string();
    };
    for (const CarriedSpec& other : others)
        if (tagged(oci::Reference::parse(other.name).value()) == tagged(*reference))
            return value.bad("the image " + tagged(*reference) + " is named twice, first at " +
                             other.where);
    return reference->to_string();
}

}  // namespace

Result<CarriedSpec> read_carried(const YamlValue& value, const std::vector<CarriedSpec>& others) {
    CarriedSpec image;
    image.where = value.where();
    if (value.is_scalar()) {
        OSIEKIT_ASSIGN(image.name, read_image_name(value, others));
        return image;
    }
    OSIEKIT_ASSIGN(Members members, value.members(keys_of("images[]")));
    for (const auto& [key, member] : members) {
        if (key == "name") {
            OSIEKIT_ASSIGN(image.name, read_image_name(member, others));
            continue;
        }
        OSIEKIT_ASSIGN(std::string source, read_line(member, "the folder of an image layout"));
        if (source.empty()) return member.bad("the name of the folder is empty");
        image.source = member.directory() / std::filesystem::path(source).lexically_normal();
        image.where = member.where();
    }
    if (image.name.empty()) return value.bad("an image lacks the key \"name\"");
    return image;
}

Result<DirectorySpec> read_directory(const YamlValue& value) {
    DirectorySpec directory;
    directory.where = value.where();
    if (value.is_scalar()) {
        OSIEKIT_ASSIGN(directory.path, read_path(value));
        return directory;
    }
    OSIEKIT_ASSIGN(Members members, value.members(keys_of("directories[]")));
    for (const auto& [key, member] : members) {
        if (key == "path") {
            OSIEKIT_ASSIGN(directory.path, read_path(member));
        } else if (key == "mode") {
            OSIEKIT_ASSIGN(directory.mode, read_mode(member));
        } else {
            OSIEKIT_ASSIGN(auto owner, read_owner(member));
            directory.uid = owner.first;
            directory.gid = owner.second;
        }
    }
    if (directory.path.empty()) return value.bad("a directory lacks the key \"path\"");
    return directory;
}

Result<SymlinkSpec> read_symlink(const YamlValue& value) {
    SymlinkSpec link;
    link.where = value.where();
    OSIEKIT_ASSIGN(Members members, value.members(keys_of("symlinks[]")));
    for (const auto& [key, member] : members) {
        if (key == "path") {
            OSIEKIT_ASSIGN(link.path, read_path(member));
        } else {
            OSIEKIT_ASSIGN(link.target, read_line(member, "the target of a symlink"));
        }
    }
    if (link.path.empty() || link.target.empty())
        return value.bad("a symlink needs both \"path\" and \"target\"");
    return link;
}

namespace {

constexpr std::uint64_t highest_id = 0xfffffffeULL;

// What stands between colons in /etc/passwd.
Result<std::string> read_field(const YamlValue& value, std::string_view what) {
    OSIEKIT_ASSIGN(std::string text, read_line(value, what));
    if (!text.starts_with('/') || text.find(':') != std::string::npos)
        return value.bad(std::string(what) + " is an absolute path without \":\"");
    return text;
}

}  // namespace

Result<UserSpec> read_user(const YamlValue& value, const std::vector<UserSpec>& before) {
    UserSpec user;
    user.where = value.where();
    bool has_uid = false;
    bool has_gid = false;
    OSIEKIT_ASSIGN(Members members, value.members(keys_of("users[]")));
    for (const auto& [key, member] : members) {
        if (key == "name") {
            OSIEKIT_ASSIGN(user.name, read_name(member, "a user name", "_-", longest_user_name));
        } else if (key == "group") {
            OSIEKIT_ASSIGN(user.group, read_name(member, "a group name", "_-", longest_user_name));
        } else if (key == "home") {
            OSIEKIT_ASSIGN(user.home, read_field(member, "a home directory"));
        } else if (key == "shell") {
            OSIEKIT_ASSIGN(user.shell, read_field(member, "a shell"));
        } else {
            OSIEKIT_ASSIGN(std::uint64_t id, member.number(0, highest_id));
            (key == "uid" ? user.uid : user.gid) = static_cast<std::uint32_t>(id);
            (key == "uid" ? has_uid : has_gid) = true;
        }
    }
    if (user.name.empty() || !has_uid) return value.bad("a user needs both \"name\" and \"uid\"");
    if (!has_gid) user.gid = user.uid;
    if (user.group.empty()) user.group = user.name;
    for (const UserSpec& other : before) {
        if (other.name == user.name)
            return value.bad("a second user \"" + user.name + "\", as at " + other.where)
                .hint("one that is extended goes with remove: {users: [" + user.name + "]}");
        if (other.uid == user.uid)
            return value.bad("the users " + other.name + " and " + user.name +
                             " have the same number " + std::to_string(user.uid));
        if ((other.gid == user.gid) != (other.group == user.group))
            return value.bad("the group " + user.group + " with the number " +
                             std::to_string(user.gid) + " contradicts the one of the user " +
                             other.name);
    }
    return user;
}

}  // namespace osiekit::builder
