#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "builder/linking/elf_dynamic.hpp"
#include "builder/tree.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// What a segment's files mean to loaders. Small beside the files, and kept with the segment.
struct LinkFacts {
    std::map<std::string, ElfDynamic, std::less<>> objects;  // by path, without a leading "/"
    std::map<std::string, std::string, std::less<>> texts;   // configuration of loaders, by path
    std::vector<std::string> warnings;

    void add(const LinkFacts& other);
};

constexpr std::uint64_t largest_object = 256ULL << 20U;      // bytes of an ELF file looked at
constexpr std::uint64_t largest_loader_text = 64ULL << 10U;  // bytes of a configuration

// Whether loaders read this file: /etc/ld.so.conf, what lies in /etc/ld.so.conf.d,
// /etc/ld-musl-*.path.
bool is_loader_text(std::string_view path);

// Reads the files whose content is at hand. Kernel modules are no business of a loader. ELF files
// that are damaged or too large are a warning each. Errors: of reading.
Result<LinkFacts> link_facts(const Tree::Entries& entries);

nlohmann::json to_json(const LinkFacts& facts);
// nullopt: it is not what to_json() gave.
std::optional<LinkFacts> link_facts_from(const nlohmann::json& json);

}  // namespace osiekit::builder
