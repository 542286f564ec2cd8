#include "builder/image/applets.hpp"

#include "lib/base/text.hpp"

namespace osiekit::builder {

Result<std::vector<std::string>> read_applets(const Tree& package) {
    std::vector<std::string> applets;
    const auto& entries = package.entries();
    for (auto it = entries.lower_bound(applet_lists);
         it != entries.end() && it->first.starts_with(applet_lists); ++it) {
        if (it->second.type != EntryType::file) continue;
        OSIEKIT_ASSIGN(std::string text, it->second.content.load());
        for (std::string_view line : split(text, '\n')) {
            if (line.empty()) continue;
            auto path = checked_path(line);
            if (!path) return std::move(path).error().context("/" + it->first);
            applets.push_back(*std::move(path));
            if (applets.size() > most_applets)
                return Error(ErrorKind::limit, "/" + it->first + " lists more than " +
                                                   std::to_string(most_applets) + " applets");
        }
    }
    return applets;
}

Result<Tree> applet_tree(const std::vector<std::string>& applets,
                         const std::function<bool(const std::string&)>& taken) {
    Tree tree;
    for (const std::string& path : applets)
        if (!taken(path))
            OSIEKIT_TRY(tree.add(path, Entry::symlink("/bin/busybox", "package alpine:busybox")));
    return tree;
}

}  // namespace osiekit::builder
