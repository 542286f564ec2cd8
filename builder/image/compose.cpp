#include "builder/image/compose.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "builder/image/lost_attributes.hpp"
#include "builder/kernel/elf.hpp"
#include "builder/package_reader.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

// What nobody reads in an installation environment.
bool needed_in_image(std::string_view path, FileType) {
    constexpr std::array<std::string_view, 6> left_out = {"usr/share/doc/",     "usr/share/man/",
                                                          "usr/share/info/",    "usr/share/locale/",
                                                          "usr/share/lintian/", "usr/share/bug/"};
    return std::none_of(left_out.begin(), left_out.end(), [&](std::string_view folder) {
        return path.starts_with(folder) || path == folder.substr(0, folder.size() - 1);
    });
}

// Takes the files of one package into a tree.
class PackageComposer {
  public:
    PackageComposer(std::string origin, std::vector<std::string>& warnings)
        : origin_(std::move(origin)), warnings_(warnings) {}

    Status take(PackageFile&& file) {
        for (const std::string& attribute : file.attributes)
            warnings_.push_back(lost_attribute(origin_, "/" + file.path, attribute));
        Entry entry;
        entry.origin = origin_;
        entry.mode = file.mode;
        entry.uid = file.uid;
        entry.gid = file.gid;
        switch (file.type) {
            case FileType::regular:
                entry.content = FileContent::bytes(std::move(file.content));
                break;
            case FileType::directory:
                entry.type = EntryType::directory;
                break;
            case FileType::symlink:
                entry.type = EntryType::symlink;
                entry.mode = 0777;
                entry.target = std::move(file.link_target);
                break;
            case FileType::hardlink:
                return link(file);
            case FileType::character_device:
            case FileType::block_device:
                entry.type = file.type == FileType::block_device ? EntryType::block_device
                                                                 : EntryType::character_device;
                entry.major = file.device_major;
                entry.minor = file.device_minor;
                break;
            case FileType::fifo:
                return Error(ErrorKind::unsupported,
                             "/" + file.path + " from " + origin_ + " is a FIFO");
        }
        files_.insert_or_assign(file.path, std::move(entry));
        return {};
    }

    Result<Tree> finish() {
        Tree tree;
        for (auto& [path, entry] : files_) OSIEKIT_TRY(tree.add(path, std::move(entry)));
        return tree;
    }

  private:
    Status link(const PackageFile& file) {
        auto target = files_.find(file.link_target);
        if (target == files_.end() || target->second.type != EntryType::file)
            return Error(ErrorKind::invalid_input, "/" + file.path + " from " + origin_ +
                                                       " is a hard link to /" + file.link_target +
                                                       ", which the package lacks");
        if (target->second.link_group.empty())
            target->second.link_group = origin_ + "/" + file.link_target;
        Entry copy = target->second;
        files_.insert_or_assign(file.path, std::move(copy));
        return {};
    }

    std::string origin_;
    std::vector<std::string>& warnings_;
    std::map<std::string, Entry> files_;
};

}  // namespace

std::string init_settings(const InitSpec& init, const AgentSpec& agent, const InitFacts& facts) {
    nlohmann::ordered_json settings;
    settings["hostname"] = init.hostname;
    settings["modules"] = facts.load;
    settings["services"] = nlohmann::ordered_json::array();
    for (const ServiceSpec& service : init.services) {
        std::vector<std::string> command = service.command;
        if (service.name == agent_service)
            for (std::string& word : agent.arguments()) command.push_back(std::move(word));
        nlohmann::ordered_json entry = {{"name", service.name}, {"command", command}};
        if (service.sandbox) entry["sandbox"] = sandbox::service_to_json(*service.sandbox);
        settings["services"].push_back(std::move(entry));
    }
    settings["ntp"] = init.ntp;
    if (!init.sysctl.empty()) settings["sysctl"] = init.sysctl;
    if (facts.built > 0) settings["built"] = facts.built;
    return settings.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Result<std::string> policy_file(const AgentSpec& agent, const LocalFiles& local) {
    constexpr std::size_t largest_policy = 1U << 20U;  // as large as the agent reads
    if (agent.policy_file) {
        auto file = local.file(*agent.policy_file);
        if (!file) return std::move(file).error().context(agent.policy_where);
        if (file->size() > largest_policy)
            return Error(ErrorKind::limit, agent.policy_where + ": " + agent.policy_file->string() +
                                               " has more than " + std::to_string(largest_policy) +
                                               " bytes");
        auto text = file->load();
        if (!text) return std::move(text).error().context(agent.policy_where);
        // What it says is the agent's to judge; a file that is no policy at all is found here.
        auto json = nlohmann::json::parse(*text, nullptr, false);
        if (json.is_object() || json.is_string()) return text;
        return Error(ErrorKind::invalid_input, agent.policy_where + ": " +
                                                   agent.policy_file->string() +
                                                   " is no policy: it has to be a JSON object")
            .hint("docs/sandbox.md describes it");
    }
    if (agent.policy.empty() && agent.registries.empty()) return std::string();
    nlohmann::ordered_json policy;
    policy["base"] = agent.policy.empty() ? "compatible" : agent.policy;
    if (!agent.registries.empty()) policy["registries"] = agent.registries;
    return policy.dump(2) + "\n";
}

std::string passwd_file(const std::vector<UserSpec>& users) {
    std::map<std::uint32_t, std::string> lines;
    for (const UserSpec& user : users)
        lines[user.uid] = user.name + ":*:" + std::to_string(user.uid) + ":" +
                          std::to_string(user.gid) + "::" + user.home + ":" + user.shell + "\n";
    std::string text;
    for (const auto& [uid, line] : lines) text += line;
    return text;
}

std::string group_file(const std::vector<UserSpec>& users) {
    std::map<std::uint32_t, std::string> lines;
    for (const UserSpec& user : users)
        lines[user.gid] = user.group + ":*:" + std::to_string(user.gid) + ":\n";
    std::string text;
    for (const auto& [gid, line] : lines) text += line;
    return text;
}

Result<Tree> base_tree(const Profile& profile, const InitFacts& facts) {
    std::string origin(base_origin);
    Tree tree;
    for (std::string_view path : {"dev", "etc", "etc/osie", "mnt", "proc", "run", "statedir", "sys",
                                  "usr", "usr/bin", "var", "var/lib", "var/log", "worker"})
        OSIEKIT_TRY(tree.add(path, Entry::directory(origin)));
    OSIEKIT_TRY(tree.add("root", Entry::directory(origin, 0700)));
    OSIEKIT_TRY(tree.add("tmp", Entry::directory(origin, 01777)));
    // The kernel opens /dev/console for init before anything is mounted.
    OSIEKIT_TRY(tree.add("dev/console", Entry::device(5, 1, 0600, origin)));
    OSIEKIT_TRY(tree.add("dev/null", Entry::device(1, 3, 0666, origin)));
    OSIEKIT_TRY(tree.add("etc/osie/init.json", Entry::file(FileContent::bytes(init_settings(
                                                               profile.init, profile.agent, facts)),
                                                           origin)));
    OSIEKIT_TRY(
        tree.add("etc/osie/name", Entry::file(FileContent::bytes(profile.name + "\n"), origin)));
    return tree;
}

Result<Tree> program_tree(const ProgramSpec& program, const std::filesystem::path& folder,
                          const LocalFiles& local) {
    std::filesystem::path file = folder / program.name;
    auto content = local.file(file);
    if (!content) {
        Error error = std::move(content).error();
        if (error.kind() != ErrorKind::not_found) return error;
        return Error(ErrorKind::not_found, program.where + ": there is no program " + file.string())
            .hint("build it: cmake --build --preset release --target " + program.name +
                  "; or name its folder with --programs");
    }
    Tree tree;
    OSIEKIT_TRY(tree.add(program.path,
                         Entry::file(std::move(content).value(), "program " + program.name, 0755)));
    return tree;
}

Result<Tree> package_tree(const LocatedPackage& package, std::vector<std::string>& warnings) {
    PackageComposer composer("package " + package.reference(), warnings);
    OSIEKIT_TRY(read_package(
                    package, [&](PackageFile&& file) { return composer.take(std::move(file)); },
                    needed_in_image)
                    .context("reading the package " + package.name));
    OSIEKIT_ASSIGN(Tree tree, composer.finish());
    OSIEKIT_ASSIGN(std::vector<std::string> lost, lost_to_script(package, tree));
    warnings.insert(warnings.end(), lost.begin(), lost.end());
    return tree;
}

Result<Tree> site_tree(const Profile& profile, const LocalFiles& local,
                       std::vector<std::string>& warnings) {
    Tree tree;
    for (const DirectorySpec& spec : profile.directories) {
        Entry entry = Entry::directory(spec.where, spec.mode);
        entry.uid = spec.uid;
        entry.gid = spec.gid;
        OSIEKIT_TRY(tree.add(spec.path, std::move(entry)));
    }
    for (const FileSpec& spec : profile.files) {
        FileContent content = FileContent::bytes(spec.content);
        if (spec.source) {
            std::error_code error;
            auto source = local.file(*spec.source);
            if (!source) return std::move(source).error().context(spec.where);
            for (const std::string& attribute :
                 attributes_of_file(std::filesystem::canonical(*spec.source, error)))
                warnings.push_back(lost_attribute(spec.where, "/" + spec.path, attribute));
            content = std::move(source).value();
            if (spec.is_template) {
                OSIEKIT_ASSIGN(std::string text, content.load());
                OSIEKIT_ASSIGN(std::string filled,
                               expand_lines(text, profile.variables, spec.source->string()));
                content = FileContent::bytes(std::move(filled));
            }
        }
        Entry entry = Entry::file(std::move(content), spec.where, spec.mode);
        entry.uid = spec.uid;
        entry.gid = spec.gid;
        OSIEKIT_TRY(tree.add(spec.path, std::move(entry)));
    }
    for (const SymlinkSpec& spec : profile.symlinks)
        OSIEKIT_TRY(tree.add(spec.path, Entry::symlink(spec.target, spec.where)));
    if (!profile.users.empty()) {
        const std::string& origin = profile.users.front().where;
        for (const auto& [path, text] : {std::pair("etc/passwd", passwd_file(profile.users)),
                                         std::pair("etc/group", group_file(profile.users))})
            OSIEKIT_TRY(tree.add(path, Entry::file(FileContent::bytes(text), origin)));
    }
    OSIEKIT_ASSIGN(std::string policy, policy_file(profile.agent, local));
    if (!policy.empty())
        OSIEKIT_TRY(tree.add("etc/osie/policy.json",
                             Entry::file(FileContent::bytes(policy), profile.agent.policy_where)));
    OSIEKIT_TRY(tree.add(sentinel_path,
                         Entry::file(FileContent::bytes("complete\n"), std::string(base_origin))));
    return tree;
}

Status check_program(const Tree& image, const ProgramSpec& program,
                     const std::string& architecture) {
    const Entry* entry = image.resolve(program.path);
    if (entry == nullptr || entry->type != EntryType::file)
        return Error(ErrorKind::internal, "/" + program.path + " is not in the image");
    OSIEKIT_ASSIGN(std::string bytes, entry->content.load());
    std::string subject = "the program " + program.name;
    std::string interpreter;
    if (bytes.starts_with("#!")) {
        auto words = split_words(std::string_view(bytes).substr(2, bytes.find('\n') - 2));
        if (!words.empty()) interpreter = words.front();
    } else if (looks_like_elf(bytes)) {
        auto header = read_elf_header(bytes);
        if (!header) return std::move(header).error().context(subject);
        if (header->machine != elf_machine_of(architecture))
            return Error(ErrorKind::invalid_input,
                         subject + " is not for the architecture " + architecture);
        auto asked = elf_interpreter(bytes);
        if (!asked) return std::move(asked).error().context(subject);
        interpreter = *asked;
    } else {
        return Error(ErrorKind::invalid_input, subject + " is neither an ELF program nor a script");
    }
    if (interpreter.empty() || image.resolve(interpreter) != nullptr) return {};
    return Error(ErrorKind::invalid_input, subject + " cannot start: it needs " +
                                               printable(interpreter) +
                                               ", which is not in the image")
        .hint("link it statically, or add the package that brings it");
}

}  // namespace osiekit::builder
