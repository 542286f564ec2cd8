#include "builder/image/extract.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

constexpr int most_symlinks = 40;

struct Planned {
    InspectedEntry entry;
    EntryPlace content;  // of a regular file
};
using Plan = std::map<std::string, Planned, std::less<>>;

bool is(const InspectedEntry& entry, std::uint32_t type) {
    return (entry.mode & S_IFMT) == type;
}

Error refused(const InspectedEntry& entry, const std::string& why) {
    return Error(ErrorKind::invalid_input,
                 "the entry \"" + printable(entry.path) + "\" " + why + "; nothing is extracted");
}

// Lays the tree out as the kernel's unpacker would in an empty root.
class Planner {
  public:
    Status add(const InspectedEntry& entry, EntryPlace place) {
        if (entry.ignored) return {};
        auto normal = normal_path(entry.path);
        if (!normal) return refused(entry, "climbs with \"..\"");
        if (normal->find('\0') != std::string::npos) return refused(entry, "has a NUL");
        if (normal->empty()) return {};  // the root itself
        OSIEKIT_ASSIGN(std::string path, place_of(entry, *normal));
        Planned planned{entry, place};
        auto present = plan_.find(path);
        if (present != plan_.end() && is(present->second.entry, S_IFDIR) && !is(entry, S_IFDIR))
            return refused(entry, "stands where a folder is");
        plan_.insert_or_assign(path, std::move(planned));
        return {};
    }
    Plan& plan() { return plan_; }

  private:
    // The path with the symlinks of its folders followed, all inside the root; folders that are
    // missing are added.
    Result<std::string> place_of(const InspectedEntry& entry, const std::string& normal) {
        std::vector<std::string> todo;
        push(normal, todo);
        std::string at;
        int links = 0;
        while (todo.size() > 1) {
            std::string part = std::move(todo.back());
            todo.pop_back();
            if (part == "..") {
                std::size_t slash = at.rfind('/');
                at.resize(slash == std::string::npos ? 0 : slash);
                continue;
            }
            std::string next = at.empty() ? part : at + "/" + part;
            auto found = plan_.find(next);
            if (found == plan_.end()) {
                Planned folder;
                folder.entry.path = next;
                folder.entry.mode = S_IFDIR | 0755U;
                plan_.emplace(next, std::move(folder));
            } else if (is(found->second.entry, S_IFLNK)) {
                if (++links > most_symlinks) return refused(entry, "is behind a loop of symlinks");
                const std::string& target = found->second.entry.target;
                if (target.starts_with('/')) at.clear();
                push(target, todo);
                continue;
            } else if (!is(found->second.entry, S_IFDIR)) {
                return refused(entry, "is below \"" + printable(next) + "\", which is no folder");
            }
            at = std::move(next);
        }
        return at.empty() ? todo.back() : at + "/" + todo.back();
    }
    static void push(std::string_view text, std::vector<std::string>& todo) {
        auto parts = split(text, '/');
        for (auto part = parts.rbegin(); part != parts.rend(); ++part)
            if (!part->empty() && *part != ".") todo.emplace_back(*part);
    }
    Plan plan_;
};

// Writes a plan into an empty folder that nobody else can reach.
class Writer {
  public:
    Writer(const Plan& plan, std::filesystem::path root)
        : plan_(plan), root_(std::move(root)), is_root_(::geteuid() == 0) {}

    Status folders() {
        for (const auto& [path, planned] : plan_) {
            if (!is(planned.entry, S_IFDIR)) continue;
            if (::mkdir((root_ / path).c_str(), 0700) != 0) return failed("folder", path);
            ++report_.directories;
        }
        return {};
    }
    Status file(const std::string& path, std::string_view content) {
        OSIEKIT_ASSIGN(Fd fd, open_file(root_ / path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW));
        ++report_.files;
        return write_all(fd.get(), content);
    }
    Status the_rest() {
        for (const auto& [path, planned] : plan_) OSIEKIT_TRY(special(path, planned.entry));
        // Children come before their folder, whose mode may shut us out.
        for (auto item = plan_.rbegin(); item != plan_.rend(); ++item)
            OSIEKIT_TRY(attributes(item->first, item->second.entry));
        return {};
    }
    ExtractReport& report() { return report_; }

  private:
    static Error failed(const std::string& what, const std::string& path) {
        return Error::from_errno("cannot make the " + what + " " + printable(path));
    }
    Status special(const std::string& path, const InspectedEntry& entry) {
        std::filesystem::path file = root_ / path;
        if (is(entry, S_IFREG) || is(entry, S_IFDIR)) return {};
        if (is(entry, S_IFLNK) && entry.target.empty()) {
            report_.no_target.push_back(path);
            return {};
        }
        if (is(entry, S_IFLNK)) {
            if (::symlink(entry.target.c_str(), file.c_str()) != 0) return failed("symlink", path);
            ++report_.symlinks;
            return {};
        }
        bool made = is_root_ && ::mknod(file.c_str(), entry.mode & (S_IFMT | 07777U),
                                        makedev(entry.device_major, entry.device_minor)) == 0;
        if (!made) report_.left_out.push_back(path);
        return {};
    }
    Status attributes(const std::string& path, const InspectedEntry& entry) const {
        std::filesystem::path file = root_ / path;
        struct stat present = {};
        if (::lstat(file.c_str(), &present) != 0) return {};  // left out
        if (is_root_ && ::lchown(file.c_str(), entry.uid, entry.gid) != 0)
            return failed("owner of", path);
        if (is(entry, S_IFLNK)) return {};
        mode_t mode = entry.mode & (is_root_ ? 07777U : 0777U);
        if (is(entry, S_IFDIR) && !is_root_) mode |= 0700U;
        if (::fchmodat(AT_FDCWD, file.c_str(), mode, 0) != 0) return failed("mode of", path);
        return {};
    }

    const Plan& plan_;
    std::filesystem::path root_;
    bool is_root_;
    ExtractReport report_;
};

}  // namespace

Result<ExtractReport> extract_initramfs(std::string_view image, const std::filesystem::path& to) {
    struct stat present = {};
    if (::lstat(to.c_str(), &present) == 0)
        return Error(ErrorKind::invalid_input, to.string() + " is there already")
            .hint("name a new folder");
    OSIEKIT_ASSIGN(Inspection inspection, inspect_initramfs(image));
    Planner planner;
    // Where the content of names that share a file is: at the one that has any.
    std::map<std::pair<std::size_t, std::string>, EntryPlace> shared;
    InspectOptions options;
    options.visit = [&](std::size_t segment, std::size_t number, const InspectedEntry&,
                        std::string_view content) -> Status {
        const InspectedEntry& entry = inspection.segments[segment].entries[number];
        const std::string& first = entry.link_to.empty() ? entry.path : entry.link_to;
        if (entry.links > 1 && !content.empty()) shared[{segment, first}] = {segment, number};
        return planner.add(entry, {segment, number});
    };
    OSIEKIT_TRY(inspect_initramfs(image, options));
    std::map<std::pair<std::size_t, std::size_t>, std::vector<std::string>> wanted;
    for (auto& [path, planned] : planner.plan()) {
        const InspectedEntry& entry = planned.entry;
        if (!is(entry, S_IFREG)) continue;
        const std::string& first = entry.link_to.empty() ? entry.path : entry.link_to;
        auto at = shared.find({planned.content.segment, first});
        if (entry.links > 1 && at != shared.end()) planned.content = at->second;
        wanted[{planned.content.segment, planned.content.number}].push_back(path);
    }
    std::filesystem::path target = std::filesystem::absolute(to).lexically_normal();
    if (!target.has_filename()) target = target.parent_path();
    OSIEKIT_ASSIGN(TempDir beside, TempDir::create(".osiekit", target.parent_path()));
    std::filesystem::path root = beside / "root";
    if (::mkdir(root.c_str(), 0700) != 0) return Error::from_errno("cannot make a folder");
    Writer writer(planner.plan(), root);
    OSIEKIT_TRY(writer.folders());
    options.visit = [&](std::size_t segment, std::size_t number, const InspectedEntry&,
                        std::string_view content) -> Status {
        auto paths = wanted.find({segment, number});
        if (paths == wanted.end()) return {};
        for (const std::string& path : paths->second) OSIEKIT_TRY(writer.file(path, content));
        return {};
    };
    OSIEKIT_TRY(inspect_initramfs(image, options));
    OSIEKIT_TRY(writer.the_rest());
    if (::chmod(root.c_str(), 0755) != 0 || ::rename(root.c_str(), target.c_str()) != 0)
        return Error::from_errno("cannot put the folder " + target.string() + " in its place");
    return std::move(writer.report());
}

}  // namespace osiekit::builder
