#include "builder/licence/copyright.hpp"
#include "builder/licence/expression.hpp"
#include "builder/licence/identifiers.hpp"
#include "tests/unit/builder/support.hpp"

using namespace osiekit;
using namespace osiekit::builder;

namespace {

std::string debian(std::string_view text) {
    auto expression = spdx_expression(text, LicenceDialect::debian);
    return expression ? *expression : "error: " + expression.error().message();
}

std::string alpine(std::string_view text) {
    auto expression = spdx_expression(text, LicenceDialect::alpine);
    return expression ? *expression : "error: " + expression.error().message();
}

std::string licence_in(const std::string& paragraphs) {
    auto licence = licence_of_copyright(
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n" +
        paragraphs);
    return licence ? *licence : "error: " + licence.error().message();
}

}  // namespace

TEST_CASE("names of licences become SPDX identifiers") {
    for (const auto& [name, identifier] : std::vector<std::pair<std::string, std::string>>{
             {"GPL-2", "GPL-2.0-only"},
             {"GPL-2+", "GPL-2.0-or-later"},
             {"GPL-2.0+", "GPL-2.0-or-later"},
             {"GPLv3+", "GPL-3.0-or-later"},
             {"LGPL-2.1", "LGPL-2.1-only"},
             {"lgpl-2.1+", "LGPL-2.1-or-later"},
             {"AGPL-3", "AGPL-3.0-only"},
             {"GFDL-1.3+", "GFDL-1.3-or-later"},
             {"GFDL-NIV-1.3+", "GFDL-1.3-no-invariants-or-later"},
             {"GPL-3.0-or-later", "GPL-3.0-or-later"},
             {"GPL-2.0-only", "GPL-2.0-only"},
             {"Expat", "MIT"},
             {"BSD-3-clause", "BSD-3-Clause"},
             {"Apache-2", "Apache-2.0"},
             {"zlib", "Zlib"}})
        CHECK(spdx_identifier(name).value_or("none") == identifier);
    for (const char* name : {"GPL", "GPL-4", "LGPL-1", "GPL-2.1", "GFDL-2", "AGPL-2", "custom", ""})
        CHECK_FALSE(spdx_identifier(name));
    CHECK(licence_reference("BSD+MIT (ours)") == "LicenseRef-BSD-plusMIT-ours");
    CHECK(licence_reference("???") == "LicenseRef-unnamed");
    std::string longest(longest_licence_name, 'a');
    CHECK(licence_reference(longest) == "LicenseRef-" + longest);
    CHECK(licence_reference(longest + "a") == "LicenseRef-" + longest);
}

TEST_CASE("licence texts become SPDX expressions") {
    CHECK(debian("GPL-1+ or Artistic") == "GPL-1.0-or-later OR Artistic-1.0");
    CHECK(debian("Expat and GPL-2") == "MIT AND GPL-2.0-only");
    CHECK(debian("GPL-2 or Artistic, and BSD-3-clause") ==
          "(GPL-2.0-only OR Artistic-1.0) AND BSD-3-Clause");
    CHECK(debian("GPL-2 or Artistic and ISC") == "GPL-2.0-only OR Artistic-1.0 AND ISC");
    CHECK(debian("GPL-3+ with Autoconf exception") ==
          "GPL-3.0-or-later WITH Autoconf-exception-3.0");
    CHECK(debian("GPL-2 with Linux-syscall-note exception") ==
          "GPL-2.0-only WITH Linux-syscall-note");
    CHECK(debian("GPL-2+ with OpenSSL exception or MIT") ==
          "LicenseRef-GPL-2-plus-with-OpenSSL-exception OR MIT");
    CHECK(debian("Permission is hereby granted, free of charge") ==
          "LicenseRef-Permission-is-hereby-granted-free-of-charge");
    CHECK(debian("LicenseRef-x") == "LicenseRef-x");
    CHECK(debian("") == "error: the licence is empty");
    CHECK(debian("MIT or") == "error: a licence is missing before its end");
    CHECK(debian("and MIT") == "error: a licence is missing before \"and\"");
    CHECK(alpine("MIT AND (Zlib OR GPL-2.0-only)") == "MIT AND (Zlib OR GPL-2.0-only)");
    CHECK(alpine("GPL-2.0-or-later LGPL-2.1-or-later") == "GPL-2.0-or-later AND LGPL-2.1-or-later");
    CHECK(alpine("Apache-2.0 WITH LLVM-exception") == "Apache-2.0 WITH LLVM-exception");
    CHECK(alpine("custom:vendor") == "LicenseRef-custom-vendor");
    CHECK(alpine("(MIT") == "error: a licence is missing before its end");
    CHECK(alpine("MIT)") == "error: a licence is missing before \")\"");
}

TEST_CASE("licence texts have limits") {
    std::string deep(deepest_licence_text, '(');
    std::string closed(deepest_licence_text, ')');
    CHECK(alpine(deep + "MIT" + closed) == "MIT");
    CHECK(alpine("(" + deep + "MIT" + closed + ")").find("nested deeper than 32") !=
          std::string::npos);
    std::string text = "MIT";
    text.resize(longest_licence_text, ' ');
    CHECK(alpine(text) == "MIT");
    CHECK(alpine(text + " ").find("a licence text of 16385 bytes") != std::string::npos);
}

TEST_CASE("expressions are put together") {
    CHECK(all_of({"MIT"}) == "MIT");
    CHECK(all_of({"Zlib AND MIT", "MIT", "ISC OR MIT"}) == "(ISC OR MIT) AND MIT AND Zlib");
    CHECK(all_of({"ISC OR MIT"}) == "ISC OR MIT");
    CHECK(licence_references("(LicenseRef-a OR MIT) AND LicenseRef-b AND LicenseRef-a") ==
          std::vector<std::string>{"LicenseRef-a", "LicenseRef-b"});
}

TEST_CASE("a machine-readable copyright file names its licences") {
    CHECK(licence_in("License: GPL-2\n\nFiles: *\nCopyright: x\nLicense: GPL-2+\n\n"
                     "Files: a\nLicense: Expat\n the text\n .\n more\n\nFiles: b\n"
                     "License: GPL-2+\n\nLicense: BSD-4-clause\n only defined\n") ==
          "GPL-2.0-or-later AND MIT");
    CHECK(licence_in("License: Expat\n") == "MIT");
    CHECK(licence_in("\nFiles: *\nLicense:\n Redistribution of this\n") ==
          "LicenseRef-Redistribution-of-this");
    CHECK(licence_in("\nFiles: *\nLicense: MIT or or ISC\n") == "LicenseRef-MIT-or-or-ISC");
    CHECK(licence_in("# said by lawyers\n\nFiles: *\n# no field\nLicense: MIT\n") == "MIT");
    CHECK(licence_in("").empty());
    CHECK(licence_in("\nnothing of the kind\n").find("error: line 3") == 0);
    auto prose = licence_of_copyright("This package was made by somebody.\nLicense: MIT\n");
    CHECK_FALSE(prose.ok());
    auto other = licence_of_copyright("Name: x\n\nFiles: *\nLicense: MIT\n");
    REQUIRE(other);
    CHECK(other->empty());
    CHECK(licence_of_copyright("").value().empty());
}

TEST_CASE("copyright files have limits") {
    std::string text = "Format: https://www.debian.org/doc/copyright-format/1.0/\nLicense: MIT\n";
    text.resize(largest_copyright, '\n');
    CHECK(licence_of_copyright(text).value() == "MIT");
    auto larger = licence_of_copyright(text + "\n");
    REQUIRE_FALSE(larger);
    CHECK(larger.error().kind() == ErrorKind::limit);
    std::string many = "Format: copyright-format\n";
    for (std::size_t i = 0; i < most_copyright_paragraphs; ++i) many += "\nA: b\n";
    CHECK(licence_of_copyright(many).ok());
    CHECK(licence_of_copyright(many + "\nA: b\n").error().kind() == ErrorKind::limit);
    std::string wide = "Format: copyright-format\n";
    for (int i = 0; i < 4000; ++i)
        wide += "\nFiles: a\nLicense: special-" + std::to_string(1000 + i) + "\n";
    CHECK(licence_of_copyright(wide).error().message().find("a licence expression of") == 0);
}
