#include "images/kexec/grub.hpp"

#include <optional>

#include "images/kexec/grub_words.hpp"
#include "lib/base/text.hpp"

namespace osiekit::images::kexec {
namespace {

// Where an entry stands in the menu, beside what it boots.
struct Found {
    BootEntry entry;
    std::string place;  // "0", "1>0"
    std::string id;
    std::string submenu;  // titles of the menus around it, each with ">"
};

std::string without_disk(std::string path) {
    if (path.starts_with('('))
        if (auto end = path.find(')'); end != std::string::npos) path.erase(0, end + 1);
    return path;
}

class Menu {
  public:
    Status read(std::string_view config) {
        GrubWords script(config);
        while (true) {
            OSIEKIT_ASSIGN(auto words, script.next(variables_));
            if (words.empty()) return {};
            OSIEKIT_TRY(statement(words));
        }
    }
    Result<BootEntry> chosen() const {
        auto variable = variables_.find("default");
        std::string wanted = variable == variables_.end() ? "" : variable->second;
        const Found* first = nullptr;
        for (const Found& one : found_) {
            if (one.entry.kernel.empty()) continue;
            if (first == nullptr) first = &one;
            if (!wanted.empty() && (one.place == wanted || one.id == wanted ||
                                    one.submenu + one.entry.title == wanted))
                return one.entry;
        }
        if (first != nullptr) return first->entry;
        return Error(ErrorKind::invalid_input, "no entry of its menu has a kernel");
    }

  private:
    enum class Block { entry, submenu, other };
    struct Level {
        Block block;
        std::string place;     // of a submenu, with ">"
        std::string title;     // likewise
        std::size_t next = 0;  // number of the next entry in it
    };

    Status statement(const std::vector<std::string>& words) {
        const std::string& name = words.front();
        if (name == "}") {
            if (levels_.size() > 1) levels_.pop_back();
            return {};
        }
        if (words.back() == "{") return open(words);
        if (name == "set" && words.size() > 1) OSIEKIT_TRY(set(words[1]));
        if (levels_.back().block != Block::entry) return {};
        BootEntry& entry = found_.back().entry;
        bool linux = name == "linux" || name == "linux16" || name == "linuxefi";
        bool initrd = name == "initrd" || name == "initrd16" || name == "initrdefi";
        if (linux && words.size() > 1) {
            entry.kernel = without_disk(words[1]);
            entry.arguments = join({words.begin() + 2, words.end()}, " ");
        }
        for (std::size_t i = 1; initrd && i < words.size(); ++i)
            entry.initrds.push_back(without_disk(words[i]));
        if (entry.initrds.size() <= max_grub_initrds) return {};
        return Error(ErrorKind::limit,
                     "an entry has more than " + std::to_string(max_grub_initrds) + " initrds");
    }

    Status open(const std::vector<std::string>& words) {
        if (levels_.size() > max_grub_depth)
            return Error(ErrorKind::limit, "more than " + std::to_string(max_grub_depth) +
                                               " braces are open at once");
        const std::string& name = words.front();
        Level& around = levels_.back();
        bool entry = name == "menuentry";
        bool in_menu = around.block == Block::submenu && words.size() > 2;
        if (!in_menu || (!entry && name != "submenu")) {
            levels_.push_back({around.block == Block::entry ? Block::entry : Block::other, {}, {}});
            return {};
        }
        std::string place = around.place + std::to_string(around.next++);
        if (!entry) {
            levels_.push_back({Block::submenu, place + ">", around.title + words[1] + ">"});
            return {};
        }
        if (found_.size() >= max_grub_entries)
            return Error(ErrorKind::limit,
                         "its menu has more than " + std::to_string(max_grub_entries) + " entries");
        Found found{{words[1], {}, {}, {}}, place, {}, around.title};
        for (std::size_t i = 2; i + 1 < words.size(); ++i)
            if (words[i] == "--id") found.id = words[i + 1];
        found_.push_back(std::move(found));
        levels_.push_back({Block::entry, {}, {}});
        return {};
    }

    Status set(const std::string& assignment) {
        std::size_t equals = assignment.find('=');
        if (equals == std::string::npos || equals == 0) return {};
        variables_[assignment.substr(0, equals)] = assignment.substr(equals + 1);
        variable_bytes_ += assignment.size();
        if (variable_bytes_ <= max_grub_variable_bytes) return {};
        return Error(ErrorKind::limit,
                     "its variables take more than " + human_size(max_grub_variable_bytes));
    }

    // Generators write it before an entry's id; GRUB itself sets it to --id.
    GrubVariables variables_ = {{"menuentry_id_option", "--id"}};
    std::size_t variable_bytes_ = 0;
    std::vector<Level> levels_ = {{Block::submenu, {}, {}}};
    std::vector<Found> found_;
};

}  // namespace

Result<BootEntry> default_entry(std::string_view config) {
    if (config.size() > max_grub_config_bytes)
        return Error(ErrorKind::limit, "it is larger than " + human_size(max_grub_config_bytes));
    Menu menu;
    OSIEKIT_TRY(menu.read(config));
    return menu.chosen();
}

}  // namespace osiekit::images::kexec
