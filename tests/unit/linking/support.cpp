#include "tests/unit/linking/support.hpp"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "builder/image/source_tree.hpp"
#include "builder/kernel/elf.hpp"
#include "lib/base/child.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"
#include "tests/unit/bytes/little_endian.hpp"

namespace osiekit::builder::test {

namespace fs = std::filesystem;
using osiekit::test::put;

namespace {

// libfirst.so.1 defines first().
std::string function_of(const std::string& path) {
    std::string name = fs::path(path).filename().string();
    name = name.substr(3, name.find('.') - 3);
    return name;
}

}  // namespace

std::string make_dynamic(const std::vector<DynamicEntry>& entries, std::uint16_t type) {
    std::string strings("\0", 1);
    std::string table;
    auto add = [&](std::uint64_t tag, std::uint64_t value) {
        put(table, tag, 8);
        put(table, value, 8);
    };
    for (const DynamicEntry& entry : entries) {
        add(entry.tag, strings.size());
        strings += entry.text + '\0';
    }
    constexpr std::uint64_t headers = 64 + 2 * 56;
    std::uint64_t table_size = table.size() + 3 * 16;
    add(5, 0x1000 + headers + table_size);
    add(10, strings.size());
    add(0, 0);
    std::string bytes(
        "\x7f"
        "ELF\x02\x01\x01",
        7);
    bytes.resize(16, '\0');
    put(bytes, type, 2);
    put(bytes, elf_machine_x86_64, 2);
    put(bytes, 1, 4);
    put(bytes, 0, 8);
    put(bytes, 64, 8);
    put(bytes, 0, 12);
    put(bytes, 64, 2);
    put(bytes, 56, 2);
    put(bytes, 2, 2);
    put(bytes, 0, 6);
    std::uint64_t whole = headers + table_size + strings.size();
    for (auto [kind, offset, size] :
         {std::tuple{1U, std::uint64_t{0}, whole}, std::tuple{2U, headers, table_size}}) {
        put(bytes, kind, 4);
        put(bytes, 4, 4);
        put(bytes, offset, 8);
        put(bytes, 0x1000 + offset, 8);
        put(bytes, 0x1000 + offset, 8);
        put(bytes, size, 8);
        put(bytes, size, 8);
        put(bytes, 8, 8);
    }
    return bytes + table + strings;
}

std::string output_of(const std::vector<std::string>& command) {
    auto result = run_command(command);
    INFO(join(command, " "));
    REQUIRE(result);
    INFO(result->err);
    REQUIRE(result->exit_code == 0);
    return result->out;
}

std::vector<std::string> in_root(const fs::path& root) {
    std::vector<std::string> words = {"unshare", "--mount"};
    if (::geteuid() != 0) words.emplace_back("--map-root-user");
    // Loaders learn from /proc where a program lies.
    std::string script = R"(mkdir -p "$1/proc" && mount --rbind /proc "$1/proc" && )";
    script += R"(exec chroot "$@")";
    words.insert(words.end(), {"sh", "-c", script, "sh", root.string()});
    return words;
}

Root::Root() : folder_(*TempDir::create()) {}

void Root::add_glibc() {
    copy("/lib64/ld-linux-x86-64.so.2", "lib64/ld-linux-x86-64.so.2");
    copy("/lib/x86_64-linux-gnu/libc.so.6", "lib/x86_64-linux-gnu/libc.so.6");
}

void Root::add_musl() {
    // The C library and the loader are one file; Debian's name for it is another than Alpine's.
    copy("/lib/x86_64-linux-musl/libc.so", "lib/ld-musl-x86_64.so.1");
}

void Root::copy(const fs::path& from, const std::string& to) {
    fs::create_directories((path() / to).parent_path());
    fs::copy_file(fs::canonical(from), path() / to, fs::copy_options::overwrite_existing);
}

void Root::text(const std::string& to, const std::string& content) {
    fs::create_directories((path() / to).parent_path());
    REQUIRE(write_file(path() / to, content));
}

void Root::link(const std::string& from, const std::string& target) {
    fs::create_directories((path() / from).parent_path());
    fs::create_symlink(target, path() / from);
}

void Root::compile(const std::string& to, const std::string& source,
                   const std::vector<std::string>& uses, std::vector<std::string> flags,
                   bool musl) {
    text(to + ".c", source);
    std::vector<std::string> command = {musl ? "musl-gcc" : "cc",
                                        "-O0",
                                        "-Wl,--no-as-needed",
                                        "-Wl,--unresolved-symbols=ignore-all",
                                        "-o",
                                        (path() / to).string(),
                                        (path() / (to + ".c")).string()};
    command.insert(command.end(), flags.begin(), flags.end());
    for (const std::string& use : uses) command.push_back((path() / use).string());
    output_of(command);
    fs::remove(path() / (to + ".c"));
}

void Root::library(const std::string& to, const std::vector<std::string>& uses,
                   const std::vector<std::string>& flags, bool musl) {
    std::string source;
    std::string sum = "1";
    for (const std::string& use : uses) {
        source += "int " + function_of(use) + "(void);\n";
        sum += " + " + function_of(use) + "()";
    }
    source += "int " + function_of(to) + "(void) { return " + sum + "; }\n";
    std::vector<std::string> all = {"-shared", "-fPIC",
                                    "-Wl,-soname," + fs::path(to).filename().string()};
    all.insert(all.end(), flags.begin(), flags.end());
    compile(to, source, uses, all, musl);
}

void Root::program(const std::string& to, const std::vector<std::string>& uses,
                   const std::vector<std::string>& flags, bool musl) {
    std::string source;
    std::string sum = "0";
    for (const std::string& use : uses) {
        source += "int " + function_of(use) + "(void);\n";
        sum += " + " + function_of(use) + "()";
    }
    source += "int main(void) { return (" + sum + ") == 0 ? 41 : 42; }\n";
    compile(to, source, uses, flags, musl);
}

bool Root::starts(const std::string& program) const {
    std::vector<std::string> command = in_root(path());
    command.push_back("/" + program);
    auto result = run_command(command);
    REQUIRE(result);
    INFO(result->err);
    // A chroot that fails is no verdict: those give 125 to 127, and the loader 127.
    bool started = result->exit_code == 41 || result->exit_code == 42;
    if (!started) REQUIRE(result->exit_code == 127);
    return started;
}

Tree Root::tree() const {
    TreeSpec spec;
    spec.source = path();
    spec.where = "t.yaml:1";
    std::vector<std::string> warnings;
    auto tree = source_tree(spec, warnings);
    if (!tree) FAIL(tree.error().to_string());
    return *std::move(tree);
}

LibraryReport Root::check(const OptionalPrograms& optional) const {
    Tree image = tree();
    auto facts = link_facts(image.entries());
    REQUIRE(facts);
    CHECK(facts->warnings.empty());
    auto again = link_facts_from(to_json(*facts));
    REQUIRE(again);
    CHECK(again->objects == facts->objects);
    CHECK(again->texts == facts->texts);
    return check_libraries(image, *again, elf_machine_x86_64, optional);
}

}  // namespace osiekit::builder::test
