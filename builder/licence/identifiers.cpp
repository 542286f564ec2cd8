#include "builder/licence/identifiers.hpp"

#include <array>

#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

// Identifiers that mean the same in whatever case they are written.
constexpr std::array listed = {"0BSD",
                               "AFL-2.0",
                               "AFL-2.1",
                               "AFL-3.0",
                               "APSL-2.0",
                               "Apache-1.0",
                               "Apache-1.1",
                               "Apache-2.0",
                               "Artistic-1.0",
                               "Artistic-1.0-Perl",
                               "Artistic-2.0",
                               "BSD-1-Clause",
                               "BSD-2-Clause",
                               "BSD-2-Clause-Patent",
                               "BSD-2-Clause-Views",
                               "BSD-3-Clause",
                               "BSD-3-Clause-Attribution",
                               "BSD-3-Clause-Clear",
                               "BSD-3-Clause-LBNL",
                               "BSD-4-Clause",
                               "BSD-4-Clause-UC",
                               "BSD-Source-Code",
                               "BSL-1.0",
                               "Beerware",
                               "Bitstream-Vera",
                               "BlueOak-1.0.0",
                               "CC-BY-3.0",
                               "CC-BY-4.0",
                               "CC-BY-SA-3.0",
                               "CC-BY-SA-4.0",
                               "CC0-1.0",
                               "CDDL-1.0",
                               "CDDL-1.1",
                               "CECILL-2.1",
                               "CECILL-B",
                               "CECILL-C",
                               "CNRI-Python",
                               "CPL-1.0",
                               "ClArtistic",
                               "ECL-2.0",
                               "EFL-2.0",
                               "EPL-1.0",
                               "EPL-2.0",
                               "EUPL-1.1",
                               "EUPL-1.2",
                               "FSFAP",
                               "FSFUL",
                               "FSFULLR",
                               "FTL",
                               "HPND",
                               "HPND-sell-variant",
                               "ICU",
                               "IJG",
                               "IPL-1.0",
                               "ISC",
                               "ImageMagick",
                               "Info-ZIP",
                               "Intel",
                               "Intel-ACPI",
                               "JSON",
                               "JasPer-2.0",
                               "Jam",
                               "LPPL-1.3c",
                               "Latex2e",
                               "Libpng",
                               "Linux-OpenIB",
                               "MIT",
                               "MIT-0",
                               "MIT-CMU",
                               "MIT-advertising",
                               "MIT-feh",
                               "MPL-1.0",
                               "MPL-1.1",
                               "MPL-2.0",
                               "MS-PL",
                               "MS-RL",
                               "MirOS",
                               "NCSA",
                               "NIST-PD",
                               "NTP",
                               "Net-SNMP",
                               "OFL-1.0",
                               "OFL-1.1",
                               "OLDAP-2.8",
                               "OML",
                               "OPL-1.0",
                               "OSL-2.0",
                               "OSL-2.1",
                               "OSL-3.0",
                               "OpenSSL",
                               "PHP-3.0",
                               "PHP-3.01",
                               "PSF-2.0",
                               "PostgreSQL",
                               "Python-2.0",
                               "Qhull",
                               "QPL-1.0",
                               "RSA-MD",
                               "Ruby",
                               "SAX-PD",
                               "SGI-B-2.0",
                               "SISSL",
                               "SMLNJ",
                               "SSH-OpenSSH",
                               "SSH-short",
                               "Sendmail",
                               "Sleepycat",
                               "Spencer-86",
                               "Spencer-94",
                               "Spencer-99",
                               "TCL",
                               "TCP-wrappers",
                               "UPL-1.0",
                               "Unicode-DFS-2015",
                               "Unicode-DFS-2016",
                               "Unicode-TOU",
                               "Unlicense",
                               "Vim",
                               "W3C",
                               "WTFPL",
                               "X11",
                               "XFree86-1.1",
                               "Xnet",
                               "ZPL-2.0",
                               "ZPL-2.1",
                               "Zend-2.0",
                               "Zlib",
                               "blessing",
                               "bzip2-1.0.6",
                               "curl",
                               "libpng-2.0",
                               "libselinux-1.0",
                               "libtiff",
                               "xinetd",
                               "zlib-acknowledgement"};

struct Alias {
    std::string_view name;  // lower case
    std::string_view identifier;
};
// What Debian's copyright files (DEP-5, section 7.1) and Alpine's recipes call them.
constexpr Alias aliases[] = {{"apache-1", "Apache-1.0"},
                             {"apache-2", "Apache-2.0"},
                             {"artistic", "Artistic-1.0"},
                             {"artistic-1", "Artistic-1.0"},
                             {"artistic-2", "Artistic-2.0"},
                             {"bsd-2", "BSD-2-Clause"},
                             {"bsd-2-clauses", "BSD-2-Clause"},
                             {"bsd-3", "BSD-3-Clause"},
                             {"bsd-3-clauses", "BSD-3-Clause"},
                             {"bsd-4", "BSD-4-Clause"},
                             {"bsl-1", "BSL-1.0"},
                             {"boost-1.0", "BSL-1.0"},
                             {"cc0", "CC0-1.0"},
                             {"expat", "MIT"},
                             {"hpnd-sell-variant", "HPND-sell-variant"},
                             {"mpl-1", "MPL-1.0"},
                             {"mpl-2", "MPL-2.0"},
                             {"openldap-2.8", "OLDAP-2.8"},
                             {"perl", "Artistic-1.0-Perl OR GPL-1.0-or-later"},
                             {"png", "Libpng"},
                             {"psf-2", "PSF-2.0"},
                             {"python-2", "Python-2.0"},
                             {"unicode-dfs", "Unicode-DFS-2016"},
                             {"w3c", "W3C"},
                             {"zope-2.1", "ZPL-2.1"}};

// "2", "2.0", "2.1", "3" as GNU licences are numbered; empty if it is none of them.
std::string gnu_version(std::string_view family, std::string_view number) {
    constexpr std::string_view known[] = {"1.0", "1.1", "1.2", "1.3", "2.0", "2.1", "3.0"};
    std::string full(number);
    if (number.size() == 1) full += ".0";
    for (std::string_view version : known) {
        if (version != full) continue;
        bool minor = version == "1.1" || version == "1.2" || version == "1.3";
        if (family == "GFDL") return minor ? full : "";
        if (minor || (family == "LGPL" && version == "1.0")) return {};
        if (version == "2.1" && family != "LGPL") return {};
        if (family == "AGPL" && version != "3.0" && version != "1.0") return {};
        return full;
    }
    return {};
}

// "gpl-2+", "lgplv2.1+", "gpl-3.0-or-later", "gfdl-niv-1.3".
std::optional<std::string> gnu_identifier(std::string_view name) {
    std::string_view family;
    for (std::string_view candidate : {"AGPL", "LGPL", "GFDL", "GPL"})
        if (name.starts_with(to_lower(candidate))) {
            family = candidate;
            break;
        }
    if (family.empty()) return std::nullopt;
    name.remove_prefix(family.size());
    auto drop_front = [&](std::string_view text) {
        bool there = name.starts_with(text);
        if (there) name.remove_prefix(text.size());
        return there;
    };
    auto drop_back = [&](std::string_view text) {
        bool there = name.ends_with(text);
        if (there) name.remove_suffix(text.size());
        return there;
    };
    drop_front("-");
    bool free_of_invariants = family == "GFDL" && drop_front("niv-");
    drop_front("v");
    bool later = drop_back("+") || drop_back("-or-later");
    if (!later) drop_back("-only");
    std::string version = gnu_version(family, name);
    if (version.empty()) return std::nullopt;
    std::string identifier = std::string(family) + "-" + version;
    if (free_of_invariants) identifier += "-no-invariants";
    return identifier + (later ? "-or-later" : "-only");
}

}  // namespace

std::optional<std::string> spdx_identifier(std::string_view name) {
    std::string lower = to_lower(name);
    for (std::string_view identifier : listed)
        if (equal_ignoring_case(identifier, name)) return std::string(identifier);
    for (const Alias& alias : aliases)
        if (alias.name == lower) return std::string(alias.identifier);
    return gnu_identifier(lower);
}

std::optional<std::string> spdx_exception(std::string_view words, std::string_view licence) {
    std::string key = to_lower(words);
    for (char& c : key)
        if (c == ' ' || c == '_') c = '-';
    constexpr std::string_view end = "-exception";
    if (key.ends_with("-exceptions")) key.pop_back();
    if (std::size_t at = key.find(end); at != std::string::npos) key.resize(at);
    bool third = licence.find("-3.0") != std::string_view::npos;
    if (key == "autoconf") return third ? "Autoconf-exception-3.0" : "Autoconf-exception-2.0";
    if (key == "gcc" || key == "gcc-runtime-library")
        return third ? "GCC-exception-3.1" : "GCC-exception-2.0";
    constexpr Alias known[] = {{"bison", "Bison-exception-2.2"},
                               {"bootloader", "Bootloader-exception"},
                               {"classpath", "Classpath-exception-2.0"},
                               {"font", "Font-exception-2.0"},
                               {"libtool", "Libtool-exception"},
                               {"linux-syscall-note", "Linux-syscall-note"},
                               {"llvm", "LLVM-exception"},
                               {"u-boot", "u-boot-exception-2.0"}};
    for (const Alias& alias : known)
        if (alias.name == key) return std::string(alias.identifier);
    return std::nullopt;
}

std::string licence_reference(std::string_view name) {
    std::string text;
    for (char c : name) {
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (letter || c == '.')
            text += c;
        else if (c == '+')
            text += "-plus";
        else if (!text.empty() && text.back() != '-')
            text += '-';
        if (text.size() >= longest_licence_name) break;
    }
    while (!text.empty() && text.back() == '-') text.pop_back();
    if (text.empty()) text = "unnamed";
    text.resize(std::min(text.size(), longest_licence_name));
    return std::string(licence_reference_prefix) + text;
}

}  // namespace osiekit::builder
