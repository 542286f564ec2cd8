#include "builder/linking/host_libraries.hpp"

#include <glob.h>

#include <map>
#include <optional>

#include "builder/kernel/elf.hpp"
#include "builder/linking/link_facts.hpp"
#include "builder/linking/loader.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace fs = std::filesystem;

namespace {

// The files of this machine, each looked at once.
class Host {
  public:
    const ElfDynamic* object(const std::string& path) {
        auto [place, added] = objects_.try_emplace(path);
        if (!added) return place->second ? &*place->second : nullptr;
        std::error_code error;
        if (!fs::is_regular_file(path, error)) return nullptr;
        auto bytes = read_file(path, largest_object);
        if (!bytes || !looks_like_elf(*bytes)) return nullptr;
        if (auto dynamic = read_elf_dynamic(*bytes)) place->second = *std::move(dynamic);
        return place->second ? &*place->second : nullptr;
    }

    static LoaderRules rules(const ElfDynamic& program) {
        auto text = [](const std::string& path) -> std::string {
            auto content = read_file(path, largest_loader_text);
            return content ? *std::move(content) : std::string();
        };
        auto pattern = [](const std::string& wanted) {
            std::vector<std::string> paths;
            ::glob_t found = {};
            if (::glob(wanted.c_str(), 0, nullptr, &found) == 0)
                for (std::size_t i = 0; i < found.gl_pathc; ++i)
                    paths.emplace_back(found.gl_pathv[i]);
            ::globfree(&found);
            return paths;
        };
        return loader_rules(program.interpreter, program.machine, text, pattern);
    }

  private:
    std::map<std::string, std::optional<ElfDynamic>> objects_;
};

Result<ElfDynamic> read_program(const FileSpec& spec, std::uint16_t machine) {
    auto bytes = read_file(*spec.source, largest_object);
    if (!bytes) return std::move(bytes).error().context(spec.where);
    auto bad = [&](const std::string& why) {
        return Error(ErrorKind::invalid_input,
                     spec.where + ": " + spec.source->string() + " " + why)
            .hint("\"libraries: host\" is for a program of this machine");
    };
    if (!looks_like_elf(*bytes)) return bad("is no ELF program");
    auto header = read_elf_header(*bytes);
    if (!header) return std::move(header).error().context(spec.where);
    if (header->machine != machine) return bad("is not for the architecture of the profile");
    auto dynamic = read_elf_dynamic(*bytes);
    if (!dynamic) return std::move(dynamic).error().context(spec.where);
    return dynamic->value_or(ElfDynamic());  // a static one needs nothing
}

Error lacking(const FileSpec& spec, const std::vector<MissingObject>& missing) {
    std::string text = spec.where + ": this machine lacks libraries of " + spec.source->string();
    for (const MissingObject& one : missing) {
        text += "\n  " + one.name + ", which " + one.needed_by + " needs";
        if (!one.searched.empty()) text += " (looked for in " + join(one.searched, ", ") + ")";
    }
    return Error(ErrorKind::invalid_input, text)
        .hint("install the packages that bring them, or leave the file out");
}

// Where each loaded object goes. What was found beside its user stays beside it.
std::vector<std::string> places(const FileSpec& spec, const LoadResult& result) {
    std::vector<std::string> paths = {"/" + spec.path};
    for (std::size_t i = 1; i < result.loaded.size(); ++i) {
        const LoadedObject& one = result.loaded[i];
        fs::path path = one.path;
        if (one.by_origin) {
            fs::path user = result.loaded[one.needed_by].path;
            fs::path from_user =
                path.lexically_normal().lexically_relative(user.parent_path().lexically_normal());
            path = fs::path(paths[one.needed_by]).parent_path() / from_user;
        }
        paths.push_back(path.lexically_normal().string());
    }
    return paths;
}

}  // namespace

Result<std::vector<HostLibrary>> host_libraries(const Profile& profile) {
    std::uint16_t machine = elf_machine_of(profile.architecture);
    std::map<std::string, HostLibrary> libraries;
    Host host;
    for (const FileSpec& spec : profile.files) {
        if (!spec.host_libraries) continue;
        OSIEKIT_ASSIGN(ElfDynamic program, read_program(spec, machine));
        if (program.interpreter.empty() && program.needed.empty()) continue;
        std::error_code error;
        fs::path real = fs::canonical(*spec.source, error);
        if (error)
            return Error(ErrorKind::io,
                         spec.where + ": " + spec.source->string() + ": " + error.message());
        LoadResult result =
            load_program(real.string(), program, Host::rules(program),
                         [&](const std::string& path) { return host.object(path); });
        if (!result.missing.empty()) return lacking(spec, result.missing);
        std::vector<std::string> paths = places(spec, result);
        for (std::size_t i = 1; i < result.loaded.size(); ++i) {
            auto path = checked_path(paths[i]);
            if (!path) return std::move(path).error().context(spec.where);
            if (libraries.count(*path) != 0) continue;
            fs::path file = fs::canonical(result.loaded[i].path, error);
            if (error)
                return Error(ErrorKind::io,
                             spec.where + ": " + result.loaded[i].path + ": " + error.message());
            auto content = FileContent::file(file);
            if (!content) return std::move(content).error().context(spec.where);
            libraries.emplace(*path, HostLibrary{*path, file, spec.where, *std::move(content)});
        }
    }
    std::vector<HostLibrary> list;
    for (auto& [path, library] : libraries) list.push_back(std::move(library));
    return list;
}

Result<Tree> host_library_tree(const std::vector<HostLibrary>& libraries, const Tree& image) {
    Tree tree;
    for (const HostLibrary& library : libraries) {
        if (image.follow(library.path)) continue;
        std::size_t slash = library.path.rfind('/');
        std::string path = library.path;
        if (slash != std::string::npos)
            if (auto folder = image.follow(path.substr(0, slash)))
                path = *folder + path.substr(slash);
        OSIEKIT_TRY(tree.add(path, Entry::file(library.content, library.where, 0755)));
    }
    return tree;
}

}  // namespace osiekit::builder
