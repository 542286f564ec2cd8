#include <elf.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <nlohmann/json.hpp>

#include "builder/action/build_action.hpp"
#include "builder/action/image_definition.hpp"
#include "builder/action/program_file.hpp"
#include "lib/base/file.hpp"
#include "lib/base/temp_dir.hpp"

using namespace osiekit;
using namespace osiekit::action;

namespace {

std::string refusal(const std::string& text) {
    auto definition = parse_image_definition(text, "image.yaml");
    REQUIRE(!definition);
    CHECK(definition.error().kind() == ErrorKind::invalid_input);
    return definition.error().to_string();
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// The smallest thing that passes for a program.
std::string program(std::uint16_t machine, bool with_interpreter) {
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_type = ET_EXEC;
    header.e_machine = machine;
    header.e_phoff = sizeof header;
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = 2;
    Elf64_Phdr segments[2] = {};
    segments[0].p_type = PT_LOAD;
    segments[1].p_type = with_interpreter ? PT_INTERP : PT_NOTE;
    std::string bytes(reinterpret_cast<const char*>(&header), sizeof header);
    return bytes.append(reinterpret_cast<const char*>(segments), sizeof segments);
}

struct Folder {
    TempDir dir = TempDir::create().value();
    Folder(const std::string& definition, const std::string& bytes) {
        std::filesystem::create_directories(dir / "bin");
        REQUIRE(write_file(dir / "image.yaml", definition));
        REQUIRE(write_file(dir / "bin/tool", bytes, 0755));
    }
    BuildRequest request() const { return {dir.path(), dir / "out", dir / "bin"}; }
};

}  // namespace

TEST_CASE("a definition is read") {
    auto read = parse_image_definition(
        "name: writefile\nprogram: tool\nentrypoint: [/tool, -x]\nenv: {A: '1', B: ''}\n"
        "labels:\n  org.opencontainers.image.title: writefile\n",
        "image.yaml");
    REQUIRE(read);
    CHECK(read->name == "writefile");
    CHECK(read->entrypoint == std::vector<std::string>{"/tool", "-x"});
    CHECK(read->env.at("B").empty());
    CHECK(read->labels.size() == 1);
    CHECK(parse_image_definition("name: a\nprogram: b\n", "f")->entrypoint ==
          std::vector<std::string>{"/b"});
}

TEST_CASE("a wrong definition names file, line and remedy") {
    CHECK(contains(refusal("name: a\nprogram: b\nentrypont: [/b]\n"),
                   "image.yaml:3: unknown key 'entrypont'"));
    CHECK(contains(refusal("name: a\nprogram: b\nentrypont: [/b]\n"), "entrypoint"));
    CHECK(contains(refusal("name: a\n"), "'program' is missing"));
    CHECK(contains(refusal("name: a\nprogram: ../evil\n"), "image.yaml:2: 'program'"));
    CHECK(contains(refusal("name: a\nprogram: b\nname: c\n"), "twice"));
    CHECK(contains(refusal("name: [a]\nprogram: b\n"), "image.yaml:1: 'name' must be a text"));
    CHECK(contains(refusal("name: a\nprogram: b\nentrypoint: []\n"), "list"));
    CHECK(contains(refusal("name: a\nprogram: b\nenv: {'A=B': c}\n"), "'='"));
    CHECK(contains(refusal("name: a\nprogram: b\nenv: {A: [1]}\n"), "'A' must be a text"));
    CHECK(contains(refusal("{"), "image.yaml:"));
    CHECK(contains(refusal("- a\n"), "mapping"));
    CHECK(contains(refusal(""), "mapping"));
}

TEST_CASE("a definition has a largest size") {
    std::string text = "name: a\nprogram: b\n#";
    text.resize(longest_definition, 'x');
    CHECK(parse_image_definition(text, "f").ok());
    auto over = parse_image_definition(text + "x", "f");
    REQUIRE(!over);
    CHECK(over.error().kind() == ErrorKind::limit);
}

TEST_CASE("what may be an image's program") {
    CHECK(static_program_architecture(program(EM_X86_64, false)).value() == "amd64");
    CHECK(static_program_architecture(program(EM_AARCH64, false)).value() == "arm64");
    CHECK(contains(static_program_architecture(program(EM_X86_64, true)).error().to_string(),
                   "dynamically linked"));
    CHECK(!static_program_architecture(program(EM_S390, false)));
    CHECK(!static_program_architecture("#!/bin/sh\n"));
    std::string whole = program(EM_X86_64, false);
    for (std::size_t size = 0; size < whole.size(); ++size)
        CHECK(!static_program_architecture(std::string_view(whole).substr(0, size)));
}

TEST_CASE("an image is built from a program and a definition") {
    Folder folder("name: tool\nprogram: tool\nenv: {A: b}\n", program(EM_AARCH64, false));
    auto built = build_action(folder.request());
    REQUIRE(built);
    CHECK(built->architecture == "arm64");
    auto index = nlohmann::json::parse(read_file(folder.dir / "out/index.json").value());
    CHECK(index["manifests"][0]["digest"] == built->manifest.oci());
}

TEST_CASE("a build that fails writes nothing") {
    Folder dynamic("name: tool\nprogram: tool\n", program(EM_X86_64, true));
    auto refused = build_action(dynamic.request());
    REQUIRE(!refused);
    CHECK(contains(refused.error().to_string(), "building the action image tool"));
    CHECK(!std::filesystem::exists(dynamic.dir / "out"));
    Folder missing("name: tool\nprogram: absent\n", "");
    auto absent = build_action(missing.request());
    REQUIRE(!absent);
    CHECK(contains(absent.error().hint(), "--programs"));
    CHECK(!std::filesystem::exists(missing.dir / "out"));
}
