#include "builder/profile/profile.hpp"

#include <algorithm>

#include "builder/profile/checks.hpp"
#include "builder/profile/keys.hpp"
#include "builder/profile/readers.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

using Members = YamlValue::Members;

constexpr std::size_t longest_package_name = 200;
constexpr std::size_t longest_cmdline = 2048;  // COMMAND_LINE_SIZE of x86 and arm64

Result<PackageSystem> read_repository(const YamlValue& value) {
    OSIEKIT_ASSIGN(std::string text, value.text("a repository"));
    auto system = parse_package_system(text);
    if (system && *system != PackageSystem::oci) return *system;
    return value.bad("unknown repository \"" + printable(text) + "\"")
        .hint("debian, alpine or file");
}

constexpr std::string_view alpine_signs = "+-.:~=<>_/@";

Result<std::string> read_package(const YamlValue& value) {
    return read_name(value, "a Debian package name", "+-.:~=/", longest_package_name);
}

// Also a name that packages provide, such as so:libc.musl-x86_64.so.1, and "!name" of Alpine's.
Result<std::string> read_alpine_package(const YamlValue& value) {
    OSIEKIT_ASSIGN(std::string text, value.text("a package name"));
    if (text.starts_with('!') && is_name(text.substr(1), alpine_signs, longest_package_name))
        return text;
    return read_name(value, "a package name", alpine_signs, longest_package_name);
}

Status read_packages(const YamlValue& value, Profile& profile) {
    OSIEKIT_ASSIGN(Members members, value.members(keys_of("packages")));
    for (const auto& [key, member] : members) {
        OSIEKIT_ASSIGN(std::vector<YamlValue> items, member.list());
        for (const YamlValue& item : items) {
            if (key == "debian") {
                OSIEKIT_ASSIGN(std::string package, read_package(item));
                profile.packages.push_back({std::move(package), item.where()});
                continue;
            }
            OSIEKIT_ASSIGN(std::string package, read_alpine_package(item));
            auto& list = key == "alpine"    ? profile.alpine_packages
                         : key == "exclude" ? profile.exclude
                                            : profile.no_deps;
            list.push_back({std::move(package), item.where()});
        }
    }
    return {};
}

Result<KernelSpec> read_kernel(const YamlValue& value) {
    KernelSpec kernel;
    kernel.where = value.where();
    OSIEKIT_ASSIGN(Members members, value.members(keys_of("kernel")));
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
    if (kernel.repository == PackageSystem::debian) {
        OSIEKIT_ASSIGN(kernel.package, read_package(*package));
    } else if (kernel.repository == PackageSystem::alpine) {
        OSIEKIT_ASSIGN(kernel.package, read_alpine_package(*package));
    } else {
        OSIEKIT_ASSIGN(kernel.package, read_line(*package, "the name of a .deb file"));
        if (kernel.package.empty()) return package->bad("the name of the .deb file is empty");
        kernel.package = (package->directory() / kernel.package).string();
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
    OSIEKIT_ASSIGN(Members members, value.members(keys_of("modules")));
    for (const auto& [key, member] : members) {
        auto& list = key == "load" ? profile.load : profile.include;
        OSIEKIT_ASSIGN(list, read_module_names(member));
    }
    return {};
}

Status read_list_member(const std::string& key, const YamlValue& value, Profile& profile) {
    OSIEKIT_ASSIGN(std::vector<YamlValue> items, value.list());
    for (const YamlValue& item : items) {
        if (key == "files") {
            OSIEKIT_ASSIGN(FileSpec file, read_file_spec(item, profile.variables));
            profile.files.push_back(std::move(file));
        } else if (key == "users") {
            OSIEKIT_ASSIGN(UserSpec user, read_user(item, profile.users));
            profile.users.push_back(std::move(user));
        } else if (key == "trees") {
            OSIEKIT_ASSIGN(TreeSpec tree, read_tree(item));
            profile.trees.push_back(std::move(tree));
        } else if (key == "images") {
            OSIEKIT_ASSIGN(CarriedSpec image, read_carried(item, profile.images));
            profile.images.push_back(std::move(image));
        } else if (key == "directories") {
            OSIEKIT_ASSIGN(DirectorySpec entry, read_directory(item));
            profile.directories.push_back(std::move(entry));
        } else {
            OSIEKIT_ASSIGN(SymlinkSpec link, read_symlink(item));
            profile.symlinks.push_back(std::move(link));
        }
    }
    return {};
}

Status read_member(const std::string& key, const YamlValue& value, Profile& profile) {
    if (key == "name") {
        OSIEKIT_ASSIGN(profile.name, read_name(value, "a profile name", "._-", longest_name));
    } else if (key == "arch") {
        OSIEKIT_ASSIGN(profile.architecture, value.text("an architecture"));
        if (profile.architecture != "amd64" && profile.architecture != "arm64")
            return value.bad("unknown architecture \"" + printable(profile.architecture) + "\"")
                .hint("amd64 or arm64");
    } else if (key == "kernel") {
        OSIEKIT_ASSIGN(profile.kernel, read_kernel(value));
    } else if (key == "packages") {
        return read_packages(value, profile);
    } else if (key == "alpine") {
        OSIEKIT_ASSIGN(profile.alpine, read_alpine(value));
    } else if (key == "modules") {
        return read_modules(value, profile);
    } else if (key == "sysctl") {
        OSIEKIT_ASSIGN(profile.init.sysctl, read_sysctl(value));
    } else if (key == "agent") {
        OSIEKIT_ASSIGN(profile.agent, read_agent(value));
    } else if (key == "services") {
        OSIEKIT_ASSIGN(profile.init.services, read_services(value));
    } else if (key == "init") {
        return read_init(value, profile.init);
    } else if (key == "programs") {
        OSIEKIT_ASSIGN(profile.programs, read_programs(value));
    } else if (key == "outputs") {
        OSIEKIT_ASSIGN(profile.outputs, read_outputs(value));
    } else if (key == "firmware") {
        OSIEKIT_ASSIGN(profile.firmware, read_firmware(value));
    } else if (key == "libraries") {
        OSIEKIT_ASSIGN(profile.optional_programs, read_libraries(value));
    } else if (key == "compression") {
        OSIEKIT_ASSIGN(profile.compression, read_compression(value));
    } else {
        return read_list_member(key, value, profile);
    }
    return {};
}

// What a profile has that says nothing else.
constexpr std::string_view defaults = R"(
services: [{name: tink-worker, command: [/usr/bin/tink-worker]}]
programs: {osie-init: /init, tink-worker: /usr/bin/tink-worker}
)";

void forget_lines(ProfileNode& node) {
    node.line = 0;
    for (ProfileNode& item : node.items) forget_lines(item);
    for (ProfileMember& member : node.members) forget_lines(member.value);
}

// One document from the profile and all that it extends.
Result<ProfileNode> assemble(std::string_view text, const std::string& name,
                             const std::filesystem::path& directory, const ProfileOptions& options,
                             Profile& profile) {
    auto file = std::make_shared<const ProfileFile>(ProfileFile{name, directory});
    OSIEKIT_ASSIGN(ProfileNode document, load_document(text, file));
    if (document.kind != ProfileNode::Kind::mapping)
        return document.bad("the document must be a mapping, but is " +
                            std::string(document.kind_name()));
    std::filesystem::path path = directory / std::filesystem::path(name).filename();
    profile.directory = directory;
    profile.sources = {{path, Sha256::of(text)}};
    ProfileReader read;
    if (options.read)
        read = [&](const std::filesystem::path& other) -> Result<std::string> {
            OSIEKIT_ASSIGN(std::string content, options.read(other));
            profile.sources.push_back({other, Sha256::of(content)});
            return content;
        };
    OSIEKIT_ASSIGN(ProfileChain chain, load_chain(std::move(document), path, read));
    for (const ProfileNode& one : chain.documents)
        for (const ProfileMember& member : one.members)
            if (const auto& known = keys_of("");
                std::find(known.begin(), known.end(), member.key) == known.end())
                return unknown_key(member.value, member.key, member.key_line, known);
    profile.ancestors = std::move(chain.files);
    OSIEKIT_ASSIGN(profile.variables, collect_variables(chain.documents, options.set));
    for (ProfileNode& one : chain.documents) OSIEKIT_TRY(expand_document(one, profile.variables));
    OSIEKIT_ASSIGN(ProfileNode base, load_document(defaults, file));
    forget_lines(base);
    return merge_chain(std::move(chain.documents), std::move(base));
}

// Settings that nobody would read.
Status check_agent(const Profile& profile, const YamlValue& document) {
    const AgentSpec& agent = profile.agent;
    if (agent.arguments().empty() && agent.policy_where.empty()) return {};
    for (const ServiceSpec& service : profile.init.services)
        if (service.name == agent_service) return {};
    return document.bad("\"agent\" has settings for a service tink-worker, which there is not")
        .hint("state the service, or leave the settings out");
}

}  // namespace

std::vector<std::string> AgentSpec::arguments() const {
    std::vector<std::string> words;
    auto add = [&](const char* flag, const std::string& value) {
        if (!value.empty()) words.insert(words.end(), {flag, value});
    };
    add("--grpc-server", server);
    add("--registry-name", registry);
    add("--insecure-registries", join(insecure_registries, ","));
    return words;
}

std::string host_architecture() {
#if defined(__aarch64__)
    return "arm64";
#else
    return "amd64";
#endif
}

Result<Profile> parse_profile(std::string_view text, const std::string& name,
                              const std::filesystem::path& directory,
                              const ProfileOptions& options) {
    if (text.size() > largest_profile)
        return Error(ErrorKind::limit, name + ":1: a profile is at most " +
                                           std::to_string(largest_profile) + " bytes");
    Profile profile;
    OSIEKIT_ASSIGN(ProfileNode merged, assemble(text, name, directory, options, profile));
    merged.line = 1;
    for (const ProfileMember& member : merged.members)
        profile.keys.push_back(
            {member.key, Sha256::of(canonical_text(member.value)), member.value.where()});
    YamlValue document(std::make_shared<const ProfileNode>(std::move(merged)), "");
    profile.architecture = host_architecture();
    bool has_kernel = false;
    OSIEKIT_ASSIGN(Members members, document.members(keys_of("")));
    for (const auto& [key, value] : members) {
        OSIEKIT_TRY(read_member(key, value, profile));
        has_kernel = has_kernel || key == "kernel";
    }
    if (profile.name.empty()) return document.bad("the profile lacks the key \"name\"");
    OSIEKIT_TRY(check_agent(profile, document));
    OSIEKIT_TRY(find_service_users(profile.users, profile.init.services));
    if (!has_kernel) return document.bad("the profile lacks the key \"kernel\"");
    return profile;
}

Result<Profile> load_profile(const std::filesystem::path& path, ProfileOptions options) {
    if (!options.read)
        options.read = [](const std::filesystem::path& other) {
            return read_file(other, largest_profile);
        };
    OSIEKIT_ASSIGN(std::string text, read_file(path, largest_profile));
    OSIEKIT_ASSIGN(Profile profile,
                   parse_profile(text, path.string(), path.parent_path(), options));
    auto check = [](const std::filesystem::path& file, const std::string& where) -> Status {
        std::error_code error;
        if (std::filesystem::is_regular_file(file, error)) return {};
        return Error(ErrorKind::invalid_input, where + ": there is no file " + file.string())
            .hint("relative names start from the folder of the profile that says them");
    };
    for (const FileSpec& file : profile.files)
        if (file.source) OSIEKIT_TRY(check(*file.source, file.where));
    for (const TreeSpec& tree : profile.trees)
        if (std::error_code error; !std::filesystem::is_directory(tree.source, error))
            OSIEKIT_TRY(check(tree.source, tree.where));
    for (const CarriedSpec& image : profile.images)
        if (image.source) OSIEKIT_TRY(check(*image.source / "oci-layout", image.where));
    if (profile.agent.policy_file)
        OSIEKIT_TRY(check(*profile.agent.policy_file, profile.agent.policy_where));
    if (profile.kernel.repository == PackageSystem::file)
        OSIEKIT_TRY(check(profile.kernel.package, profile.kernel.where));
    return profile;
}

}  // namespace osiekit::builder
