#include "tests/unit/builder/support.hpp"

#include "builder/image/cpio_writer.hpp"
#include "lib/base/child.hpp"
#include "tests/unit/bytes/little_endian.hpp"

namespace osiekit::builder::test {

using osiekit::test::put;

namespace {

std::string elf_header(std::uint16_t type, std::uint16_t machine, std::uint64_t programs,
                       std::uint16_t program_count, std::uint64_t sections,
                       std::uint16_t section_count) {
    std::string bytes(
        "\x7f"
        "ELF\x02\x01\x01",
        7);
    bytes.resize(16, '\0');
    put(bytes, type, 2);
    put(bytes, machine, 2);
    put(bytes, 1, 4);
    put(bytes, 0, 8);
    put(bytes, programs, 8);
    put(bytes, sections, 8);
    put(bytes, 0, 4);
    put(bytes, 64, 2);
    put(bytes, 56, 2);
    put(bytes, program_count, 2);
    put(bytes, 64, 2);
    put(bytes, section_count, 2);
    put(bytes, section_count == 0 ? 0 : section_count - 1U, 2);
    return bytes;
}

}  // namespace

std::string make_elf(const std::vector<std::pair<std::string, std::string>>& sections) {
    std::string names("\0", 1);
    std::string data;
    std::string table(64, '\0');
    auto add = [&](const std::string& name, const std::string& content) {
        put(table, names.size(), 4);
        put(table, 1, 4);
        put(table, 0, 16);
        put(table, 64 + data.size(), 8);
        put(table, content.size(), 8);
        table.resize((table.size() + 63) / 64 * 64, '\0');
        names += name;
        names += '\0';
        data += content;
    };
    for (const auto& [name, content] : sections) add(name, content);
    std::string all_names = names + ".shstrtab";
    all_names += '\0';
    add(".shstrtab", all_names);
    auto count = static_cast<std::uint16_t>(sections.size() + 2);
    return elf_header(1, 62, 0, 0, 64 + data.size(), count) + data + table;
}

std::string make_program(const std::string& interpreter, std::uint16_t machine) {
    std::string bytes = elf_header(2, machine, 64, interpreter.empty() ? 0 : 1, 0, 0);
    if (interpreter.empty()) return bytes;
    put(bytes, 3, 4);
    put(bytes, 4, 4);
    put(bytes, 64 + 56, 8);
    put(bytes, 0, 16);
    put(bytes, interpreter.size() + 1, 8);
    bytes.resize(64 + 56, '\0');
    return bytes + interpreter + '\0';
}

std::string make_module(const std::string& name, const std::vector<std::string>& fields) {
    std::string info = "license=GPL";
    info += '\0';
    for (const std::string& field : fields) info += field + '\0';
    info += "name=" + name + '\0';
    return make_elf({{".text", "code"}, {".modinfo", info}});
}

std::filesystem::path make_deb(const std::filesystem::path& folder, const PackageSpec& spec) {
    std::filesystem::path root = folder / (spec.name + ".root");
    std::filesystem::create_directories(root / "DEBIAN");
    spill(root / "DEBIAN/control", "Package: " + spec.name + "\nVersion: " + spec.version +
                                       "\nArchitecture: amd64\nMaintainer: Nobody <n@example>\n" +
                                       spec.fields + "Description: for a test\n");
    for (const auto& [path, content] : spec.files) {
        if (path.ends_with('/')) {
            std::filesystem::create_directories(root / path);
            continue;
        }
        std::filesystem::create_directories((root / path).parent_path());
        spill(root / path, content);
    }
    std::filesystem::path deb = folder / (spec.name + ".deb");
    // Packages made at different times are the same.
    auto made =
        run_command({"env", "SOURCE_DATE_EPOCH=1700000000", "dpkg-deb", "--root-owner-group",
                     "-Zgzip", "--build", root.string(), deb.string()});
    REQUIRE(made);
    INFO(made->err);
    REQUIRE(made->exit_code == 0);
    return deb;
}

PackageSpec kernel_package() {
    PackageSpec spec;
    spec.name = "linux-image-test";
    spec.version = "6.1-1";
    std::string modules = "lib/modules/6.1-test/";
    spec.files = {
        {"boot/vmlinuz-6.1-test", "a kernel"},
        {"boot/config-6.1-test", "CONFIG_X=y\nCONFIG_RD_ZSTD=y\n"},
        {modules + "modules.builtin", "kernel/fs/ext4/ext4.ko\nkernel/lib/crc16.ko\n"},
        {modules + "modules.order",
         "kernel/net/low.ko\nkernel/net/mid-dle.ko\nkernel/net/top.ko\n"},
        {modules + "kernel/net/top.ko",
         make_module("top", {"depends=mid-dle,low", "alias=pci:v1d2*", "softdep=pre: side ext4",
                             "firmware=top/fw.bin"})},
        {modules + "kernel/net/mid-dle.ko", make_module("mid_dle", {"depends=low"})},
        {modules + "kernel/net/low.ko", make_module("low", {"depends=", "alias=virtio:d1v*"})},
        {modules + "kernel/net/side.ko", make_module("side", {"alias=crypto-side"})},
        {modules + "kernel/net/unused.ko", make_module("unused", {"alias=pci:unused"})},
    };
    return spec;
}

std::string slurp(const std::filesystem::path& path) {
    auto content = read_file(path);
    INFO(path);
    REQUIRE(content);
    return *std::move(content);
}

void spill(const std::filesystem::path& path, const std::string& content) {
    REQUIRE(write_file(path, content));
}

CommandOutput run_osiekit(const std::filesystem::path& folder,
                          const std::vector<std::string>& words,
                          const std::vector<std::string>& environment) {
    std::vector<std::string> command = {"env", "LC_ALL=C"};
    command.insert(command.end(), environment.begin(), environment.end());
    command.insert(command.end(), {std::string(OSIEKIT_BIN_DIR) + "/osiekit", words[0],
                                   (folder / "p.yaml").string(), "--programs", folder.string(),
                                   "--cache", (folder / "cache").string()});
    command.insert(command.end(), words.begin() + 1, words.end());
    if (words[0] == "build") command.insert(command.end(), {"--out", (folder / "out").string()});
    auto output = run_command(command);
    REQUIRE(output);
    return *output;
}

std::string cpio_of(const Tree& tree, std::uint32_t mtime, const std::string& last) {
    std::string archive;
    REQUIRE(write_cpio(tree.entries(), mtime, last, [&](std::string_view piece) {
        archive += piece;
        return Status();
    }));
    return archive;
}

std::vector<std::string> names_of(const std::vector<PackageRequest>& requests) {
    std::vector<std::string> names;
    for (const PackageRequest& request : requests) names.push_back(request.name);
    return names;
}

}  // namespace osiekit::builder::test
