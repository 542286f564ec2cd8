// Where apt keeps what it is told, and what of it concerns us.
#include <algorithm>

#include "builder/cache/url.hpp"
#include "builder/debian/apt_sources.hpp"
#include "lib/base/child.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t source_file_limit = 1U << 20U;

// The files of a directory that apt would read, in its order. A missing directory has none.
std::vector<fs::path> source_files(const fs::path& directory) {
    std::vector<fs::path> files;
    std::error_code failure;
    for (const auto& entry : fs::directory_iterator(directory, failure)) {
        std::string name = entry.path().filename().string();
        if (name[0] != '.' && (name.ends_with(".list") || name.ends_with(".sources")))
            files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    return files;
}

Status read_sources(const fs::path& file, const fs::path& root, AptConfiguration& configuration) {
    OSIEKIT_ASSIGN(std::string text, read_file(file, source_file_limit));
    OSIEKIT_ASSIGN(auto sources, file.extension() == ".sources"
                                     ? parse_deb822_sources(text, file.string())
                                     : parse_one_line_sources(text, file.string()));
    for (AptSource& source : sources) {
        std::string scheme = url_scheme(source.uri);
        if (scheme != "http" && scheme != "https") {
            configuration.warnings.push_back(source.origin + ": skipped: " +
                                             printable(source.uri.substr(0, source.uri.find(':'))) +
                                             ": is not supported, only http and https are");
            continue;
        }
        if (source.trusted)
            configuration.warnings.push_back(source.origin +
                                             ": Trusted: yes: signatures are not verified");
        for (std::string& keyring : source.keyrings)
            keyring = (root / fs::path(keyring).relative_path()).string();
        configuration.sources.push_back(std::move(source));
    }
    return {};
}

}  // namespace

Result<AptConfiguration> read_apt_configuration(const fs::path& root) {
    AptConfiguration configuration;
    fs::path apt = root / "etc/apt";
    std::error_code failure;
    if (fs::exists(apt / "sources.list", failure))
        OSIEKIT_TRY(read_sources(apt / "sources.list", root, configuration));
    for (const fs::path& file : source_files(apt / "sources.list.d"))
        OSIEKIT_TRY(read_sources(file, root, configuration));
    // apt-config reads the running host's files; another root has apt's defaults.
    if (root == "/") configuration.settings = host_apt_settings();
    return configuration;
}

namespace {

void set_times(std::string_view key, std::string_view value, AptSettings& settings) {
    constexpr std::uint64_t most = 1ULL << 35U;
    auto seconds = parse_u64(value);
    if (!seconds || *seconds > most) return;
    auto number = static_cast<std::int64_t>(*seconds);
    // Both keys may have "::LABEL" behind them.
    auto label_of = [&](std::string_view name) -> std::optional<std::string> {
        if (!key.starts_with(name)) return std::nullopt;
        std::string_view rest = key.substr(name.size());
        if (!rest.empty() && !rest.starts_with("::")) return std::nullopt;
        return std::string(rest.empty() ? rest : rest.substr(2));
    };
    if (auto label = label_of("acquire::max-validtime")) settings.longest_valid[*label] = number;
    if (auto label = label_of("acquire::min-validtime")) settings.shortest_valid[*label] = number;
    if (key == "acquire::http::timeout" && number > 0)
        settings.timeout = std::chrono::seconds(number);
}

}  // namespace

AptSettings parse_apt_settings(std::string_view dump) {
    AptSettings settings;
    auto is_off = [](std::string_view value) {
        std::string word = to_lower(value);
        return word == "false" || word == "no" || word == "0" || word == "off";
    };
    for (std::string_view line : split(dump, '\n')) {
        std::size_t quote = line.find('"');
        std::size_t last = line.rfind('"');
        if (quote == std::string_view::npos || last == quote) continue;
        std::string key = to_lower(trim(line.substr(0, quote)));
        std::string value(line.substr(quote + 1, last - quote - 1));
        if (key == "acquire::check-valid-until") settings.check_valid_until = !is_off(value);
        if (key == "acquire::check-date") settings.check_date = !is_off(value);
        if (key == "acquire::https::cainfo") settings.ca_file = value;
        set_times(key, value, settings);
        for (std::string scheme : {"http", "https"}) {
            std::string prefix = "acquire::" + scheme + "::proxy";
            if (value.empty() || !key.starts_with(prefix)) continue;
            std::string host = key.substr(prefix.size());
            if (host.empty() || (host.starts_with("::") && host.size() > 2))
                settings.proxies[scheme + host] = value;
        }
    }
    return settings;
}

AptSettings host_apt_settings() {
    auto dump = run_command({"apt-config", "dump"});
    return dump && dump->exit_code == 0 ? parse_apt_settings(dump->out) : AptSettings();
}

std::string AptSettings::proxy_for(std::string_view url) const {
    std::string scheme = url_scheme(url);
    for (const std::string& key : {scheme + "::" + url_host(url), scheme}) {
        auto it = proxies.find(key);
        if (it != proxies.end()) return it->second;
    }
    // apt uses the http proxy for https too, unless told otherwise.
    auto plain = proxies.find("http");
    return scheme == "https" && plain != proxies.end() ? plain->second : std::string();
}

Result<std::string> host_codename(const fs::path& root) {
    fs::path file = root / "etc/os-release";
    OSIEKIT_ASSIGN(std::string text, read_file(file, source_file_limit));
    for (std::string_view line : split(text, '\n')) {
        constexpr std::string_view key = "VERSION_CODENAME=";
        if (!line.starts_with(key)) continue;
        std::string_view value = trim(line.substr(key.size()));
        if (value.size() >= 2 && (value[0] == '"' || value[0] == '\'') && value.back() == value[0])
            value = value.substr(1, value.size() - 2);
        if (!value.empty()) return std::string(value);
    }
    return Error(ErrorKind::not_found, file.string() + " names no VERSION_CODENAME")
        .hint("say which release the packages are to come from");
}

}  // namespace osiekit::builder
