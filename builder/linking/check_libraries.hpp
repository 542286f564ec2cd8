#pragma once

#include <string>
#include <vector>

#include "builder/linking/link_facts.hpp"
#include "builder/linking/loader.hpp"
#include "builder/tree.hpp"
#include "lib/base/result.hpp"

namespace osiekit::builder {

// The libraries of all programs of an image, as a loader in it would look for them.
struct LibraryReport {
    // Programs that could not start, each with what it lacks: "/usr/bin/a (package a) lacks …".
    std::vector<std::string> broken;
    // Libraries that no program of the image loads by itself (plugins) and programs that need not
    // start, with what they lack.
    std::vector<std::string> warnings;
    // /etc/ld.so.cache, where glibc's loader needs it to find what it finds; else empty.
    std::string cache;
};

// Patterns of programs that need not be able to start, with the leading "/": fnmatch(3) without
// FNM_PATHNAME, so that "*" goes over "/" as well and "/opt/*" means all that lies below /opt.
using OptionalPrograms = std::vector<std::string>;

// `image` is the whole tree, `facts` those of all its files; objects of another machine than
// `machine` are passed over.
LibraryReport check_libraries(const Tree& image, const LinkFacts& facts, std::uint16_t machine,
                              const OptionalPrograms& optional);

// The report as an error; success if nothing is broken. Names at most twenty programs.
Status refuse_broken(const LibraryReport& report);

}  // namespace osiekit::builder
