#pragma once

#include <set>
#include <string>
#include <vector>

#include "builder/tree.hpp"

namespace osiekit::builder {

// A package's files, and what it says about those of others.
struct OwnedFiles {
    std::string name;
    std::string version;
    std::string replaces;  // Debian's field Replaces; empty: nothing
    const Tree::Entries* entries = nullptr;
};

// Of each package the files that another one's Replaces takes from it, by the rule of dpkg (Debian
// policy 7.6.1; tarobject() of dpkg): as if the packages were unpacked in this order, the file of
// the package that replaces the other one is there in the end, whichever comes first; of two that
// replace each other that of the later one. The names in Replaces are those of packages, not of
// what they provide. Directories belong to many and are never taken. A file that dpkg would refuse
// stays in all of its packages: Tree::add() says so. A field that cannot be read replaces nothing.
std::vector<std::set<std::string>> replaced_files(const std::vector<OwnedFiles>& packages);

}  // namespace osiekit::builder
