#include "lib/oci/credentials.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "lib/base/file.hpp"
#include "lib/base/text.hpp"
#include "lib/oci/base64.hpp"

namespace osiekit::oci {
namespace {

using Json = nlohmann::json;

Error bad(const std::string& what) {
    return Error(ErrorKind::invalid_input, "the registry credentials (config.json): " + what);
}

std::string without_scheme(std::string_view text) {
    std::string lower = to_lower(text.substr(0, 8));
    if (lower.rfind("https://", 0) == 0) return std::string(text.substr(8));
    if (lower.rfind("http://", 0) == 0) return std::string(text.substr(7));
    return std::string(text);
}

bool safe_in_header(const std::string& text) {
    return std::none_of(text.begin(), text.end(),
                        [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

// A field that has to be text where it is present.
Result<std::string> text_field(const Json& entry, const char* key, const std::string& where) {
    auto found = entry.find(key);
    if (found == entry.end() || found->is_null()) return std::string();
    if (!found->is_string())
        return bad(std::string("\"") + key + "\" of " + where + " is not text");
    auto text = found->get<std::string>();
    if (!safe_in_header(text))
        return bad(std::string("\"") + key + "\" of " + where + " holds control characters");
    return text;
}

Result<Credential> parse_entry(const Json& entry, const std::string& where) {
    if (!entry.is_object()) return bad("the entry of " + where + " is not an object");
    Credential credential;
    OSIEKIT_ASSIGN(credential.user, text_field(entry, "username", where));
    OSIEKIT_ASSIGN(credential.password, text_field(entry, "password", where));
    OSIEKIT_ASSIGN(credential.identity_token, text_field(entry, "identitytoken", where));
    OSIEKIT_ASSIGN(credential.registry_token, text_field(entry, "registrytoken", where));
    OSIEKIT_ASSIGN(std::string packed, text_field(entry, "auth", where));
    if (packed.empty()) return credential;
    auto plain = from_base64(packed);
    std::size_t colon = plain ? plain->find(':') : std::string::npos;
    if (colon == std::string::npos || !safe_in_header(*plain))
        return bad("\"auth\" of " + where + " is not base64 of user:password");
    credential.user = plain->substr(0, colon);
    credential.password = plain->substr(colon + 1);  // may hold colons itself
    return credential;
}

Status refuse_helpers(const Json& json) {
    for (const char* key : {"credsStore", "credHelpers"}) {
        auto found = json.find(key);
        if (found == json.end() || found->empty()) continue;  // null is empty too
        if (found->is_string() && found->get_ref<const std::string&>().empty()) continue;
        return Error(ErrorKind::unsupported, std::string("the registry credentials name a "
                                                         "credential helper (\"") +
                                                 key + "\"), which is not run here")
            .hint("put user and password, or an identitytoken, below \"auths\"");
    }
    return {};
}

}  // namespace

std::string canonical_registry(std::string_view name) {
    std::string host = to_lower(without_scheme(name));
    host = host.substr(0, host.find('/'));
    if (host == "index.docker.io" || host == "registry-1.docker.io") return "docker.io";
    return host;
}

Result<Credentials> Credentials::parse_docker_config(std::string_view text) {
    if (text.size() > max_config_bytes)
        return Error(ErrorKind::limit,
                     "the registry credentials are larger than " + human_size(max_config_bytes));
    Json json = Json::parse(text.begin(), text.end(), nullptr, false);
    if (json.is_discarded() || !json.is_object()) return bad("not a JSON object");
    OSIEKIT_TRY(refuse_helpers(json));
    Credentials credentials;
    auto auths = json.find("auths");
    if (auths == json.end() || auths->is_null()) return credentials;
    if (!auths->is_object()) return bad("\"auths\" is not an object");
    if (auths->size() > max_entries)
        return Error(ErrorKind::limit, "the registry credentials have more than " +
                                           std::to_string(max_entries) + " entries");
    for (const auto& [key, value] : auths->items()) {
        OSIEKIT_ASSIGN(auto credential, parse_entry(value, "\"" + printable(key) + "\""));
        if (!(credential == Credential())) credentials.add(key, std::move(credential));
    }
    return credentials;
}

Result<Credentials> Credentials::read_docker_config(const std::filesystem::path& path) {
    OSIEKIT_ASSIGN(auto text, read_file(path, max_config_bytes));
    auto parsed = parse_docker_config(text);
    if (!parsed) return std::move(parsed).error().context("reading " + path.string());
    return parsed;
}

void Credentials::add(std::string_view where, Credential credential) {
    Entry entry{canonical_registry(where), {}, std::move(credential)};
    std::string rest = without_scheme(where);
    std::size_t slash = rest.find('/');
    if (slash != std::string::npos) entry.prefix = rest.substr(slash + 1);
    while (!entry.prefix.empty() && entry.prefix.back() == '/') entry.prefix.pop_back();
    // The paths of registries' old addresses are not repositories.
    if (entry.prefix == "v1" || entry.prefix == "v2") entry.prefix.clear();
    auto same = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& other) {
        return other.registry == entry.registry && other.prefix == entry.prefix;
    });
    if (same != entries_.end())
        *same = std::move(entry);
    else
        entries_.push_back(std::move(entry));
}

std::optional<Credential> Credentials::find(std::string_view registry,
                                            std::string_view repository) const {
    std::string host = canonical_registry(registry);
    const Entry* best = nullptr;
    for (const Entry& entry : entries_) {
        const std::string& prefix = entry.prefix;
        bool below = prefix.empty() ||
                     (repository.substr(0, prefix.size()) == prefix &&
                      (repository.size() == prefix.size() || repository[prefix.size()] == '/'));
        if (entry.registry != host || !below) continue;
        if (best == nullptr || prefix.size() > best->prefix.size()) best = &entry;
    }
    return best == nullptr ? std::nullopt : std::optional<Credential>(best->credential);
}

std::vector<std::string> Credentials::places() const {
    std::vector<std::string> places;
    for (const Entry& entry : entries_)
        places.push_back(entry.registry + (entry.prefix.empty() ? "" : "/" + entry.prefix));
    return places;
}

}  // namespace osiekit::oci
