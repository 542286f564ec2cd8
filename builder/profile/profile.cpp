#include "builder/profile/profile.hpp"

#include "builder/profile/checks.hpp"
#include "builder/profile/yaml_reader.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

using Members = std::vector<std::pair<std::string, YamlValue>>;

constexpr std::size_t longest_name = 64;
constexpr std::size_t longest_package_name = 200;
constexpr std::size_t longest_cmdline = 2048;  // COMMAND_LINE_SIZE of x86 and arm64

Result<Repository> read_repository(const YamlValue& value) {
    OSIEKIT_ASSIGN(std::string text, value.text("a repository"));
    if (text == "debian") return Repository::debian;
    if (text == "file") return Repository::file;
    return value.bad("unknown repository \"" + printable(text) + "\"").hint("debian or file");
}

Result<std::string> read_package(const YamlValue& value) {
    return read_name(value, "a Debian package name", "+-.:~=", longest_package_name);
}

Result<KernelSpec> read_kernel(const YamlValue& value) {
    KernelSpec kernel;
    kernel.where = value.where();
    OSIEKIT_ASSIGN(Members members, value.members({"package", "repository", "cmdline"}));
    const YamlValue* package = nullptr;
    for (const auto& [key, member] : members) {
        if (key == "package") {
            package = &member;
            kernel.where = member.where();
        } else if (key == "repository") {
            OSIEKIT_ASSIGN(kernel.repository, read_repository(member));
        } else {
            OSIEKIT_ASSIGN(kernel.cmdline, read_line(member, "a kernel command line"));
            if (kernel.cmdline.size() > longest_cmdline)
                return member.bad("the kernel takes no command line longer than " +
                                  std::to_string(longest_cmdline) + " bytes");
        }
    }
    if (package == nullptr) return value.bad("\"kernel\" lacks the key \"package\"");
    if (kernel.repository == Repository::debian) {
        OSIEKIT_ASSIGN(kernel.package, read_package(*package));
    } else {
        OSIEKIT_ASSIGN(kernel.package, read_line(*package, "the name of a .deb file"));
        if (kernel.package.empty()) return package->bad("the name of the .deb file is empty");
    }
    return kernel;
}

Result<std::vector<ModuleSpec>> read_module_names(const YamlValue& value) {
    std::vector<ModuleSpec> modules;
    OSIEKIT_ASSIGN(std::vector<YamlValue> items, value.list());
    for (const YamlValue& item : items) {
        OSIEKIT_ASSIGN(std::string name, read_name(item, "a module name", "_-", longest_name));
        for (char& c : name)
            if (c == '-') c = '_';
        modules.push_back({std::move(name), item.where()});
    }
    return modules;
}

Status read_modules(const YamlValue& value, Profile& profile) {
    OSIEKIT_ASSIGN(Members members, value.members({"load", "include"}));
    for (const auto& [key, member] : members) {
        auto& list = key == "load" ? profile.load : profile.include;
        OSIEKIT_ASSIGN(list, read_module_names(member));
    }
    return {};
}

Result<FileSpec> read_file_spec(const YamlValue& value, const std::filesystem::path& directory) {
    FileSpec file;
    file.where = value.where();
    bool has_content = false;
    OSIEKIT_ASSIGN(Members members, value.members({"path", "content", "source", "mode", "owner"}));
    for (const auto& [key, member] : members) {
        if (key == "path") {
            OSIEKIT_ASSIGN(file.path, read_path(member));
        } else if (key == "content") {
            OSIEKIT_ASSIGN(file.content, member.text("text"));
            has_content = true;
        } else if (key == "source") {
            OSIEKIT_ASSIGN(std::string source, read_line(member, "a file name"));
            if (source.empty()) return member.bad("the file name is empty");
            file.source = directory / source;
            file.where = member.where();
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
    return file;
}

Result<DirectorySpec> read_directory(const YamlValue& value) {
    DirectorySpec directory;
    directory.where = value.where();
    if (value.is_scalar()) {
        OSIEKIT_ASSIGN(directory.path, read_path(value));
        return directory;
    }
    OSIEKIT_ASSIGN(Members members, value.members({"path", "mode", "owner"}));
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
    OSIEKIT_ASSIGN(Members members, value.members({"path", "target"}));
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

Result<ServiceSpec> read_service(const YamlValue& value) {
    ServiceSpec service;
    OSIEKIT_ASSIGN(Members members, value.members({"name", "command"}));
    for (const auto& [key, member] : members) {
        if (key == "name") {
            OSIEKIT_ASSIGN(service.name, read_name(member, "a service name", "._-", longest_name));
            continue;
        }
        OSIEKIT_ASSIGN(std::vector<YamlValue> words, member.list());
        for (const YamlValue& word : words) {
            OSIEKIT_ASSIGN(std::string text, word.text("a word of a command"));
            if (text.find('\0') != std::string::npos) return word.bad("a word with a NUL inside");
            service.command.push_back(std::move(text));
        }
        if (service.command.empty() || !service.command.front().starts_with('/'))
            return member.bad("a command starts with the absolute path of a program");
    }
    if (service.name.empty() || service.command.empty())
        return value.bad("a service needs both \"name\" and \"command\"");
    return service;
}

Result<InitSpec> read_init(const YamlValue& value, InitSpec init) {
    OSIEKIT_ASSIGN(Members members, value.members({"hostname", "services", "ntp"}));
    for (const auto& [key, member] : members) {
        if (key == "hostname") {
            OSIEKIT_ASSIGN(init.hostname, read_name(member, "a host name", ".-", longest_name));
            continue;
        }
        OSIEKIT_ASSIGN(std::vector<YamlValue> items, member.list());
        if (key == "services") init.services.clear();
        for (const YamlValue& item : items) {
            if (key == "services") {
                OSIEKIT_ASSIGN(ServiceSpec service, read_service(item));
                for (const ServiceSpec& other : init.services)
                    if (other.name == service.name)
                        return item.bad("a second service \"" + service.name + "\"");
                init.services.push_back(std::move(service));
            } else {
                OSIEKIT_ASSIGN(std::string host, read_name(item, "a time server", ".:-", 253));
                init.ntp.push_back(std::move(host));
            }
        }
    }
    return init;
}

Result<std::vector<ProgramSpec>> read_programs(const YamlValue& value) {
    std::vector<ProgramSpec> programs;
    OSIEKIT_ASSIGN(Members members, value.free_members());
    for (const auto& [name, member] : members) {
        ProgramSpec program;
        program.name = name;
        program.where = member.where();
        if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
            name.find('\0') != std::string::npos)
            return member.bad("\"" + printable(name) + "\" is not the file name of a program");
        OSIEKIT_ASSIGN(program.path, read_path(member));
        programs.push_back(std::move(program));
    }
    return programs;
}

Result<CompressionOptions> read_compression(const YamlValue& value) {
    CompressionOptions options;
    OSIEKIT_ASSIGN(Members members, value.members({"method", "level", "window"}));
    for (const auto& [key, member] : members) {
        if (key == "method") {
            OSIEKIT_ASSIGN(std::string method, member.text("a compression method"));
            if (method != "zstd")
                return member.bad("unknown compression method \"" + printable(method) + "\"")
                    .hint("zstd is the only one");
        } else if (key == "level") {
            OSIEKIT_ASSIGN(std::uint64_t level, member.number(1, highest_level));
            options.level = static_cast<int>(level);
        } else {
            OSIEKIT_ASSIGN(std::uint64_t window,
                           member.number(smallest_window_log, largest_window_log));
            options.window_log = static_cast<int>(window);
        }
    }
    return options;
}

Status read_member(const std::string& key, const YamlValue& value,
                   const std::filesystem::path& directory, Profile& profile) {
    if (key == "name") {
        OSIEKIT_ASSIGN(profile.name, read_name(value, "a profile name", "._-", longest_name));
    } else if (key == "arch") {
        OSIEKIT_ASSIGN(profile.architecture, value.text("an architecture"));
        if (profile.architecture != "amd64" && profile.architecture != "arm64")
            return value.bad("unknown architecture \"" + printable(profile.architecture) + "\"")
                .hint("amd64 or arm64");
    } else if (key == "kernel") {
        OSIEKIT_ASSIGN(profile.kernel, read_kernel(value));
    } else if (key == "modules") {
        return read_modules(value, profile);
    } else if (key == "init") {
        OSIEKIT_ASSIGN(profile.init, read_init(value, profile.init));
    } else if (key == "programs") {
        OSIEKIT_ASSIGN(profile.programs, read_programs(value));
    } else if (key == "compression") {
        OSIEKIT_ASSIGN(profile.compression, read_compression(value));
    } else {
        OSIEKIT_ASSIGN(std::vector<YamlValue> items, value.list());
        for (const YamlValue& item : items) {
            if (key == "packages") {
                OSIEKIT_ASSIGN(std::string package, read_package(item));
                profile.packages.push_back(std::move(package));
            } else if (key == "files") {
                OSIEKIT_ASSIGN(FileSpec file, read_file_spec(item, directory));
                profile.files.push_back(std::move(file));
            } else if (key == "directories") {
                OSIEKIT_ASSIGN(DirectorySpec entry, read_directory(item));
                profile.directories.push_back(std::move(entry));
            } else {
                OSIEKIT_ASSIGN(SymlinkSpec link, read_symlink(item));
                profile.symlinks.push_back(std::move(link));
            }
        }
    }
    return {};
}

}  // namespace

std::string host_architecture() {
#if defined(__aarch64__)
    return "arm64";
#else
    return "amd64";
#endif
}

Result<Profile> parse_profile(std::string_view text, const std::string& name,
                              const std::filesystem::path& directory) {
    if (text.size() > largest_profile)
        return Error(ErrorKind::limit, name + ":1: a profile is at most " +
                                           std::to_string(largest_profile) + " bytes");
    OSIEKIT_ASSIGN(YamlValue document, load_yaml(text, name));
    OSIEKIT_ASSIGN(Members members, document.members({"name", "arch", "kernel", "packages",
                                                      "modules", "files", "directories", "symlinks",
                                                      "init", "programs", "compression"}));
    Profile profile;
    profile.architecture = host_architecture();
    profile.init.services.push_back({"tink-worker", {"/usr/bin/tink-worker"}});
    profile.programs = {{"osie-init", "init", name}, {"tink-worker", "usr/bin/tink-worker", name}};
    bool has_kernel = false;
    for (const auto& [key, value] : members) {
        OSIEKIT_TRY(read_member(key, value, directory, profile));
        has_kernel = has_kernel || key == "kernel";
    }
    if (profile.name.empty()) return document.bad("the profile lacks the key \"name\"");
    if (!has_kernel) return document.bad("the profile lacks the key \"kernel\"");
    return profile;
}

Result<Profile> load_profile(const std::filesystem::path& path) {
    OSIEKIT_ASSIGN(std::string text, read_file(path, largest_profile));
    OSIEKIT_ASSIGN(Profile profile, parse_profile(text, path.string(), path.parent_path()));
    std::error_code error;
    for (const FileSpec& file : profile.files)
        if (file.source && !std::filesystem::is_regular_file(*file.source, error))
            return Error(ErrorKind::invalid_input,
                         file.where + ": there is no file " + file.source->string())
                .hint("relative names start from the profile's folder");
    if (profile.kernel.repository == Repository::file) {
        std::filesystem::path package = path.parent_path() / profile.kernel.package;
        if (!std::filesystem::is_regular_file(package, error))
            return Error(ErrorKind::invalid_input,
                         profile.kernel.where + ": there is no file " + package.string())
                .hint("relative names start from the profile's folder");
        profile.kernel.package = package.string();
    }
    return profile;
}

}  // namespace osiekit::builder
