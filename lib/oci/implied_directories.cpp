#include "lib/oci/implied_directories.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <set>
#include <utility>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"
#include "lib/oci/copy_layer.hpp"
#include "lib/oci/layer_writer.hpp"
#include "lib/oci/tree_at.hpp"

namespace osiekit::oci {
namespace {

struct Layer {
    Fd root;
    std::set<std::string> implied;
};

bool is_opaque(int directory) {
    char mark = 0;
    return ::fgetxattr(directory, "trusted.overlay.opaque", &mark, 1) == 1;
}

// What one layer has at a path.
struct Look {
    Fd directory;        // none: it has none there
    bool ends = false;   // nothing of the layers below is seen there
    bool other = false;  // it has something else there, or above
};

Result<Look> look(const Layer& layer, const std::string& path) {
    Look found;
    OSIEKIT_ASSIGN(found.directory, open_in_root(layer.root.get(), "", O_RDONLY | O_DIRECTORY));
    found.ends = is_opaque(found.directory.get());
    for (std::string_view part : split(path, '/')) {
        if (part.empty()) continue;
        int next = ::openat(found.directory.get(), std::string(part).c_str(),
                            O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0) {
            if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
                return Error::from_errno("opening " + printable(path));
            found.other = errno != ENOENT;
            found.ends = found.ends || found.other;
            found.directory.reset();
            return found;
        }
        found.directory = Fd(next);
        found.ends = found.ends || is_opaque(next);
    }
    return found;
}

// The directory that states what is at the path: the topmost one that is no implied one, or else
// the topmost. None: there is no directory.
Result<Fd> stating_directory(const std::vector<Layer>& top_first, const std::string& path,
                             bool& restated) {
    Fd topmost;
    for (const Layer& layer : top_first) {
        OSIEKIT_ASSIGN(Look found, look(layer, path));
        if (found.directory) {
            bool implied = layer.implied.count(path) != 0;
            restated = !implied && topmost;
            if (!implied) return std::move(found.directory);
            if (!topmost) topmost = std::move(found.directory);
        }
        if (found.ends) break;
    }
    restated = false;
    return topmost;
}

// The path in `upper`, each folder of it with what the layers state. The deepest gets it first:
// what is made in a folder changes its time.
Status restate(const std::vector<Layer>& top_first, int upper, const std::string& path) {
    std::vector<std::pair<Fd, Fd>> pairs;  // where it is stated, where it goes
    bool unused = false;
    OSIEKIT_ASSIGN(Fd source, stating_directory(top_first, "", unused));
    OSIEKIT_ASSIGN(Fd made, open_in_root(upper, "", O_RDONLY | O_DIRECTORY));
    pairs.emplace_back(std::move(source), std::move(made));
    std::string so_far;
    for (std::string_view part : split(path, '/')) {
        if (part.empty()) continue;
        std::string name(part);
        so_far += (so_far.empty() ? "" : "/") + name;
        OSIEKIT_ASSIGN(source, stating_directory(top_first, so_far, unused));
        int parent = pairs.back().second.get();
        if (::mkdirat(parent, name.c_str(), 0700) != 0 && errno != EEXIST)
            return Error::from_errno("making " + printable(so_far));
        made = Fd(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!made) return Error::from_errno("opening " + printable(so_far));
        pairs.emplace_back(std::move(source), std::move(made));
    }
    for (auto pair = pairs.rbegin(); pair != pairs.rend(); ++pair)
        if (pair->first) OSIEKIT_TRY(copy_attributes(pair->first.get(), pair->second.get()));
    return {};
}

}  // namespace

std::filesystem::path implied_record(const std::filesystem::path& layer) {
    return layer.parent_path().parent_path() / "implied" / layer.filename();
}

Status note_implied(const std::filesystem::path& layer, const std::vector<std::string>& paths) {
    std::string text;
    for (const std::string& path : paths) text += path + '\0';
    return write_file(implied_record(layer), text, 0600);
}

Result<std::vector<std::string>> implied_directories(const std::filesystem::path& layer) {
    std::vector<std::string> paths;
    auto text = read_file(implied_record(layer), max_remembered_bytes);
    if (!text && text.error().kind() == ErrorKind::not_found) return paths;
    if (!text) return std::move(text).error();
    for (std::string_view path : split(*text, '\0')) paths.emplace_back(path);
    paths.pop_back();  // behind the last zero
    return paths;
}

Status restate_directories(const std::vector<std::filesystem::path>& layers,
                           const std::filesystem::path& upper) {
    std::vector<Layer> top_first;
    std::set<std::string> wanted;  // parents first
    std::size_t implied_by_all = 0;
    for (auto path = layers.rbegin(); path != layers.rend(); ++path) {
        Layer layer;
        OSIEKIT_ASSIGN(layer.root, open_file(*path, O_PATH | O_DIRECTORY));
        OSIEKIT_ASSIGN(auto implied, implied_directories(*path));
        implied_by_all += implied.size();
        if (implied_by_all > max_implied_directories)
            return Error(ErrorKind::limit, "the image's layers have more than " +
                                               std::to_string(max_implied_directories) +
                                               " folders without entries of their own")
                .hint("build the image with a tool that writes them, such as buildah");
        layer.implied.insert(implied.begin(), implied.end());
        wanted.insert(implied.begin(), implied.end());
        top_first.push_back(std::move(layer));
    }
    OSIEKIT_ASSIGN(Fd target, open_file(upper, O_PATH | O_DIRECTORY));
    for (const std::string& path : wanted) {
        bool restated = false;
        OSIEKIT_ASSIGN(Fd source, stating_directory(top_first, path, restated));
        if (source && restated) OSIEKIT_TRY(restate(top_first, target.get(), path));
    }
    return {};
}

}  // namespace osiekit::oci
