#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/linking/elf_dynamic.hpp"

namespace osiekit::builder {

// The search for shared libraries, as the loaders of glibc (ld.so(8)) and musl (ldso/dynlink.c) do
// it, without the variables of their environment. Nothing is loaded here.

// What is at an absolute path, symlinks followed; null if nothing is, or no ELF file of a loader.
using ObjectLookup = std::function<const ElfDynamic*(const std::string& path)>;
// The text of a file, symlinks followed; empty if there is none.
using TextLookup = std::function<std::string(const std::string& path)>;
// Paths of the files of a folder whose names match a pattern of fnmatch(3), in order.
using PatternLookup = std::function<std::vector<std::string>(const std::string& pattern)>;

// How one loader searches when a program says nothing.
struct LoaderRules {
    bool musl = false;
    std::vector<std::string> configured;  // glibc: folders of ld.so.conf, which it has in its cache
    std::vector<std::string> folders;     // always searched, in this order
    std::string library_word;             // what $LIB stands for
    std::string platform_word;            // what $PLATFORM stands for
};

// The folder that Debian's multiarch libraries are in, "x86_64-linux-gnu"; empty for others.
std::string multiarch_folder(std::uint16_t machine);

bool is_musl_loader(std::string_view interpreter);

// Of a program with this interpreter. Reads /etc/ld.so.conf with what it includes, or
// /etc/ld-musl-ARCH.path.
LoaderRules loader_rules(std::string_view interpreter, std::uint16_t machine,
                         const TextLookup& text, const PatternLookup& pattern);

struct LoadedObject {
    std::string path;           // as it was found
    bool by_origin = false;     // found through $ORIGIN of needed_by
    std::size_t needed_by = 0;  // position in the list; of the program and its loader 0
};

struct MissingObject {
    std::string name;       // a library, or the interpreter
    std::string needed_by;  // path
    std::vector<std::string> searched;
};

struct LoadResult {
    std::vector<LoadedObject> loaded;  // the program, its interpreter if it has one, its libraries
    std::vector<MissingObject> missing;
};

constexpr std::size_t most_loaded = 4096;  // objects of one program; more are not looked at

// What happens when the program (or a library by itself) at `path` is started.
LoadResult load_program(const std::string& path, const ElfDynamic& program,
                        const LoaderRules& rules, const ObjectLookup& object);

}  // namespace osiekit::builder
