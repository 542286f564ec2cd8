#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "lib/base/result.hpp"

namespace osiekit::kmod {

// "snd-hda-intel" and "snd_hda_intel" are one module; this is the form with '_'.
std::string normalised(std::string_view name);
// "kernel/drivers/net/virtio_net.ko.zst" gives "virtio_net".
std::string name_of_path(std::string_view path);

struct Module {
    std::string name;  // normalised
    std::string path;  // relative to /lib/modules/<version>
    std::vector<std::string> dependencies;
    std::vector<std::string> load_before;  // softdep pre:, as written (names or aliases)
    std::vector<std::string> load_after;   // softdep post:
};

// The text files that depmod writes, as strings. Only `dep` may not be empty in practice.
struct IndexTexts {
    std::string dep;
    std::string alias;
    std::string softdep;
    std::string builtin;
};

// Modules of one kernel: what there is, which alias means which, and in which order to load.
// Immutable after parsing, hence usable from several threads. Move only: it refers to its own text.
class ModuleIndex {
  public:
    // Reads modules.dep (required), .alias, .softdep and .builtin (each may be missing) in a folder
    // such as /lib/modules/6.1.0-9-amd64. Errors: kind not_found with a hint to run depmod;
    // invalid_input with file and line.
    static Result<ModuleIndex> load(const std::filesystem::path& folder);
    static Result<ModuleIndex> parse(IndexTexts texts);

    // By name, '-' and '_' alike; nullptr when there is none.
    const Module* find(std::string_view name) const;
    bool is_builtin(std::string_view name) const;

    // Modules whose alias matches, or the one of that name, in the order of modules.alias. Built-in
    // ones and unknown aliases give an empty list.
    std::vector<const Module*> resolve(std::string_view alias_or_name) const;

    // `module` behind everything that must be loaded before it (dependencies, softdep pre:), and
    // before what its softdep post: names; each once. What does not exist is left out.
    std::vector<const Module*> load_order(const Module& module) const;

    std::vector<std::string> names() const;  // sorted
    std::size_t size() const { return modules_.size(); }

  private:
    struct Alias {
        std::string_view pattern;
        std::string_view module;
        std::size_t line = 0;
    };
    Status parse_dep();
    Status parse_alias();
    Status parse_softdep();
    void parse_builtin();
    void collect(const Module& module, std::unordered_set<std::string_view>& seen,
                 std::vector<const Module*>& order) const;

    // Behind a pointer so that moving the index keeps the views into it valid.
    std::unique_ptr<IndexTexts> texts_;
    std::unordered_map<std::string, Module> modules_;
    std::unordered_set<std::string> builtin_;
    // Aliases by the literal text in front of their first wildcard: a device has about twenty
    // candidates instead of twenty thousand.
    std::unordered_map<std::string_view, std::vector<Alias>> aliases_;
    std::vector<std::size_t> prefix_lengths_;  // those that occur, ascending
};

}  // namespace osiekit::kmod
