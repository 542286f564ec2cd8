#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "lib/base/digest.hpp"

namespace osiekit::builder {

// Where a package comes from, and so which rules of versions and dependencies hold for it.
enum class PackageSystem {
    debian,  // .deb, from Debian repositories
    alpine,  // .apk of format 2, from Alpine repositories
    file,    // a .deb or .apk file that the profile names by path
    oci,     // an image that the machine carries, from a registry or a local layout
};
std::string_view to_string(PackageSystem system);  // "debian", "alpine", "file", "oci"
std::optional<PackageSystem> parse_package_system(std::string_view text);

// What tells packages of one name apart where an image has them of several systems: "busybox" of
// Debian, "alpine:busybox", "file:busybox". Without a system, as in old manifests, just the name.
std::string package_reference(std::string_view system, std::string_view name);

// A path below a mirror that may become part of a URL: relative, printable ASCII, no "..".
bool valid_location(std::string_view path);

// A package as a signed index (or, of a file, the package itself) describes it, and its verified
// file in the cache. Texts are empty and numbers 0 where the index says nothing.
struct LocatedPackage {
    PackageSystem system = PackageSystem::debian;
    std::string name;
    std::string version;
    std::string architecture;  // as the system calls it: "amd64" or "all", "x86_64" or "noarch"
    // The source package it was built from: Debian's field Source, or the name and version where
    // that is absent; Alpine's origin, which has the package's version.
    std::string source;
    std::string source_version;
    std::string license;    // as Alpine's index writes it, mostly an SPDX expression; Debian: empty
    std::string suite;      // "bookworm-security"; Alpine's branch, "v3.20"
    std::string component;  // "main"; Alpine's repository
    // Below the mirror: "pool/main/b/busybox/busybox_1.35_amd64.deb",
    // "v3.20/main/x86_64/a-1-r0.apk". Of a file: its path. Never the name of a host.
    std::string location;
    // Alpine's identity, "Q1" and base64 of the SHA-1 of the control part: all that its index says.
    std::string identity;
    // Of the whole file. Alpine's index does not have it: not known before the package was fetched
    // once into this cache.
    Sha256 digest;
    bool digest_known = true;
    std::uint64_t size = 0;            // bytes of the package file
    std::uint64_t installed_size = 0;  // bytes unpacked, as the index estimates
    std::filesystem::path file;        // in the cache; empty: not fetched
    std::string url;                   // what it is fetched from, without credentials

    // "busybox 1.35.0-4"
    std::string to_string() const { return name + " " + version; }
    // As package_reference.
    std::string reference() const;
};

}  // namespace osiekit::builder
