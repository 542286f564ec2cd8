#include "builder/profile/checks.hpp"
#include "builder/profile/keys.hpp"
#include "builder/profile/readers.hpp"

namespace osiekit::builder {

using Members = YamlValue::Members;

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
    if (file.is_template && has_content) {
        OSIEKIT_ASSIGN(file.content, expand(file.content, variables, content_where));
    }
    return file;
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

}  // namespace osiekit::builder
