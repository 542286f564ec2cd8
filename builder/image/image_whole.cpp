#include <algorithm>
#include <utility>

#include "builder/image/applets.hpp"
#include "builder/image/firmware.hpp"
#include "builder/image/image_builder.hpp"
#include "builder/kernel/elf.hpp"
#include "builder/linking/check_libraries.hpp"
#include "builder/linking/host_libraries.hpp"
#include "builder/linking/link_facts.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

Status ImageBuilder::add_applet_links() {
    if (applets_.empty()) return {};
    stage("linking applets");
    auto taken = [&](const std::string& path) {
        auto has = [&](const Part& part) { return part.entries().count(path) != 0; };
        return std::any_of(parts_.begin(), parts_.end(), has);
    };
    OSIEKIT_ASSIGN(Tree links, applet_tree(applets_, taken));
    parts_.insert(parts_.end() - 1, part_of("applet links", links));
    return {};
}

Status ImageBuilder::add_libraries() {
    stage("linking libraries");
    for (const Part& part : parts_)
        for (const auto& [path, entry] : part.entries()) OSIEKIT_TRY(whole_.add(path, entry));
    OSIEKIT_ASSIGN(std::vector<HostLibrary> libraries, local_.libraries(profile_));
    if (!libraries.empty()) {
        OSIEKIT_ASSIGN(Tree tree, host_library_tree(libraries, whole_));
        OSIEKIT_TRY(add_late("libraries of files", tree));
    }
    LinkFacts facts;
    for (const Part& part : parts_) {
        facts.add(part.linking);
        if (part.self_contained) continue;
        OSIEKIT_ASSIGN(LinkFacts more, link_facts(part.entries()));
        facts.add(more);
    }
    LibraryReport report = check_libraries(whole_, facts, elf_machine_of(profile_.architecture),
                                           profile_.optional_programs);
    for (const auto* list : {&facts.warnings, &report.warnings})
        image_.warnings.insert(image_.warnings.end(), list->begin(), list->end());
    OSIEKIT_TRY(refuse_broken(report));
    if (report.cache.empty()) return {};
    Tree cache;
    OSIEKIT_TRY(cache.add("etc/ld.so.cache",
                          Entry::file(FileContent::bytes(report.cache), std::string(base_origin))));
    return add_late("library cache", cache);
}

Status ImageBuilder::add_late(std::string name, const Tree& tree) {
    for (const auto& [path, entry] : tree.entries()) OSIEKIT_TRY(whole_.add(path, entry));
    parts_.insert(parts_.end() - 1, part_of(std::move(name), tree));
    return {};
}

Status ImageBuilder::check_whole() {
    for (const ProgramSpec& program : profile_.programs)
        OSIEKIT_TRY(check_program(whole_, program, profile_.architecture).context(program.where));
    if (whole_.resolve("init") == nullptr)
        return Error(ErrorKind::invalid_input, "the image has no /init to start")
            .hint("leave out the key \"programs\", or place one there");
    for (const ServiceSpec& service : profile_.init.services)
        if (whole_.resolve(service.command.front()) == nullptr)
            return Error(ErrorKind::invalid_input, "the service " + service.name + " runs " +
                                                       printable(service.command.front()) +
                                                       ", which is not in the image");
    OSIEKIT_TRY(check_firmware());
    for (Part& part : parts_) {
        if (part.self_contained) continue;
        for (auto& [path, entry] : part.request.entries)
            if (entry.implied) entry = *whole_.find(path);
    }
    return {};
}

Status ImageBuilder::check_firmware() {
    ModuleReport& modules = image_.modules;
    OSIEKIT_TRY(check_patterns(whole_, profile_.firmware));
    MissingFirmware missing =
        missing_firmware(whole_, modules.firmware, image_.kernel.firmware_suffixes);
    modules.missing_firmware = missing.missing;
    if (profile_.firmware.mode == FirmwareSpec::Mode::none) return {};
    for (std::string& text : firmware_warnings(missing)) image_.warnings.push_back(std::move(text));
    return {};
}

}  // namespace osiekit::builder
