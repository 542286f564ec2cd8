#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/result.hpp"

namespace osiekit::builder {

// One repository as sources.list(5) describes it; several URIs and suites of a stanza become
// several of these.
struct AptSource {
    std::string uri;    // without trailing "/"; may carry credentials
    std::string suite;  // "bookworm-security"; one that ends in "/" is a flat repository
    std::vector<std::string> components;
    std::vector<std::string> architectures;  // empty: all
    // Signed-By: files (absolute paths), or fingerprints of keys, or one key block in ASCII armour.
    // All empty: the host's trusted keys.
    std::vector<std::string> keyrings;
    std::vector<std::string> fingerprints;
    std::string key_block;
    bool trusted = false;                   // Trusted: yes, the signature is not asked for
    std::optional<bool> check_valid_until;  // Check-Valid-Until, over the host's setting
    std::optional<bool> check_date;
    // Valid-Until-Max, Valid-Until-Min: over the host's settings. Seconds; 0: none.
    std::optional<std::int64_t> longest_valid;
    std::optional<std::int64_t> shortest_valid;
    std::string origin;  // file:line, for messages
};

// The part of apt.conf(5) that matters here.
struct AptSettings {
    bool check_valid_until = true;
    bool check_date = true;
    // Acquire::Max-ValidTime and Min-ValidTime, in seconds after a release's date: it expires then
    // at the latest, or not before. By the release's Label in lower case; "": of all others.
    std::map<std::string, std::int64_t, std::less<>> longest_valid;
    std::map<std::string, std::int64_t, std::less<>> shortest_valid;
    // Acquire::http::Timeout: a transfer that brings nothing for so long is given up.
    std::chrono::seconds timeout{30};
    // Keys "http", "https", "http::HOST", "https::HOST"; values are URLs or "DIRECT".
    std::map<std::string, std::string> proxies;
    std::string ca_file;  // Acquire::https::CAInfo

    // The proxy for a URL: a URL, "DIRECT", or empty (what the environment says).
    std::string proxy_for(std::string_view url) const;
};

struct AptConfiguration {
    std::vector<AptSource> sources;
    AptSettings settings;
    std::vector<std::string> warnings;
};

// Reads ROOT/etc/apt/sources.list, sources.list.d/*.list and *.sources. Sources of other kinds
// than http and https are skipped with a warning, deb-src and disabled ones silently.
Result<AptConfiguration> read_apt_configuration(const std::filesystem::path& root);

// The two formats, for the name of the file in messages.
Result<std::vector<AptSource>> parse_deb822_sources(std::string_view text, const std::string& name);
Result<std::vector<AptSource>> parse_one_line_sources(std::string_view text,
                                                      const std::string& name);
// The output of `apt-config dump`.
AptSettings parse_apt_settings(std::string_view dump);
// What the apt of the running host is set to; apt's defaults where there is no apt.
AptSettings host_apt_settings();

// VERSION_CODENAME of ROOT/etc/os-release.
Result<std::string> host_codename(const std::filesystem::path& root);

// Does a suite belong to a release: "bookworm", "bookworm-updates", "bookworm-security", or the old
// "bookworm/updates".
bool suite_of_release(std::string_view suite, std::string_view codename);

}  // namespace osiekit::builder
