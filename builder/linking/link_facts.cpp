#include "builder/linking/link_facts.hpp"

#include <nlohmann/json.hpp>

#include "builder/kernel/elf.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

using nlohmann::json;

namespace {

// Whether the content begins as an ELF file does, without reading the rest.
Result<bool> begins_as_elf(const FileContent& content) {
    constexpr std::size_t magic = 4;
    std::string begin;
    bool enough = false;
    auto read = content.read([&](std::string_view piece) -> Status {
        begin += piece.substr(0, magic - begin.size());
        if (begin.size() < magic) return {};
        enough = true;
        return Error(ErrorKind::cancelled, "read enough");
    });
    if (!read && !enough) return std::move(read).error();
    return looks_like_elf(begin);
}

Status add_object(const std::string& path, const Entry& entry, LinkFacts& facts) {
    auto elf = begins_as_elf(entry.content);
    if (!elf) return std::move(elf).error().context("/" + path + " from " + entry.origin);
    if (!*elf) return {};
    std::string subject = "/" + path + " from " + entry.origin + " ";
    if (entry.content.size() > largest_object) {
        facts.warnings.push_back(subject + "is too large to see which libraries it needs");
        return {};
    }
    OSIEKIT_ASSIGN(std::string bytes, entry.content.load());
    auto dynamic = read_elf_dynamic(bytes);
    if (!dynamic) {
        // Firmware of other processors also comes as ELF.
        if (dynamic.error().kind() != ErrorKind::unsupported)
            facts.warnings.push_back(subject + "is " + dynamic.error().message());
        return {};
    }
    if (*dynamic) facts.objects.emplace(path, **std::move(dynamic));
    return {};
}

}  // namespace

void LinkFacts::add(const LinkFacts& other) {
    objects.insert(other.objects.begin(), other.objects.end());
    texts.insert(other.texts.begin(), other.texts.end());
    warnings.insert(warnings.end(), other.warnings.begin(), other.warnings.end());
}

bool is_loader_text(std::string_view path) {
    return path == "etc/ld.so.conf" || path.starts_with("etc/ld.so.conf.d/") ||
           (path.starts_with("etc/ld-musl-") && path.ends_with(".path"));
}

Result<LinkFacts> link_facts(const Tree::Entries& entries) {
    LinkFacts facts;
    for (const auto& [path, entry] : entries) {
        if (entry.type != EntryType::file || !entry.content.at_hand()) continue;
        if (is_loader_text(path) && entry.content.size() <= largest_loader_text) {
            OSIEKIT_ASSIGN(std::string text, entry.content.load());
            facts.texts.emplace(path, std::move(text));
        } else if (!path.ends_with(".ko")) {
            OSIEKIT_TRY(add_object(path, entry, facts));
        }
    }
    return facts;
}

json to_json(const LinkFacts& facts) {
    json objects = json::array();
    for (const auto& [path, elf] : facts.objects)
        objects.push_back({path, elf.machine, elf.interpreter, elf.name, elf.needed, elf.rpath,
                           elf.runpath, elf.no_default_folders});
    json texts = json::object();
    for (const auto& [path, text] : facts.texts) texts[path] = to_hex(text);
    return {
        {"objects", std::move(objects)}, {"texts", std::move(texts)}, {"warnings", facts.warnings}};
}

std::optional<LinkFacts> link_facts_from(const json& value) {
    try {
        LinkFacts facts;
        for (const json& item : value.at("objects")) {
            ElfDynamic elf;
            elf.machine = item.at(1).get<std::uint16_t>();
            elf.interpreter = item.at(2).get<std::string>();
            elf.name = item.at(3).get<std::string>();
            elf.needed = item.at(4).get<std::vector<std::string>>();
            elf.rpath = item.at(5).get<std::string>();
            elf.runpath = item.at(6).get<std::string>();
            elf.no_default_folders = item.at(7).get<bool>();
            facts.objects.emplace(item.at(0).get<std::string>(), std::move(elf));
        }
        for (const auto& [path, text] : value.at("texts").items()) {
            auto bytes = from_hex(text.get<std::string>());
            if (!bytes) return std::nullopt;
            facts.texts.emplace(path, *std::move(bytes));
        }
        facts.warnings = value.at("warnings").get<std::vector<std::string>>();
        return facts;
    } catch (const json::exception&) {
        return std::nullopt;
    }
}

}  // namespace osiekit::builder
