#include "builder/debian/release_store.hpp"

#include <algorithm>
#include <optional>

#include "builder/cache/record.hpp"
#include "builder/cache/url.hpp"
#include "builder/debian/repository.hpp"
#include "builder/debian/signature.hpp"
#include "builder/debian/stanza.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"
#include "lib/http/http_client.hpp"

namespace osiekit::builder {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t release_size_limit = 32U << 20U;
// apt's Acquire::Max-FutureTime.
constexpr std::int64_t clock_tolerance_s = 10;

// The keyrings of a host whose source names none.
std::vector<fs::path> host_keyrings(const fs::path& root) {
    std::vector<fs::path> files;
    std::error_code failure;
    for (const auto& entry : fs::directory_iterator(root / "etc/apt/trusted.gpg.d", failure)) {
        auto extension = entry.path().extension();
        if (extension == ".gpg" || extension == ".asc") files.push_back(entry.path());
    }
    for (const char* name :
         {"etc/apt/trusted.gpg", "usr/share/keyrings/debian-archive-keyring.gpg"}) {
        auto size = fs::file_size(root / name, failure);
        if (!failure && size > 0) files.push_back(root / name);
    }
    std::sort(files.begin(), files.end());
    return files;
}

TrustedKeys trusted_keys(const AptSource& source, const fs::path& root) {
    TrustedKeys keys;
    keys.keyrings.assign(source.keyrings.begin(), source.keyrings.end());
    keys.key_block = source.key_block;
    keys.fingerprints = source.fingerprints;
    if (keys.keyrings.empty() && keys.key_block.empty()) keys.keyrings = host_keyrings(root);
    return keys;
}

std::string describe(const AptSource& source) {
    return without_credentials(source.uri) + " " + source.suite;
}

std::string age_text(std::int64_t seconds) {
    constexpr std::int64_t hour = 3600;
    constexpr std::int64_t day = 24 * hour;
    if (seconds >= 2 * day) return std::to_string(seconds / day) + " days";
    return std::to_string(seconds / hour) + " hours";
}

}  // namespace

// What is known of a suite from earlier runs.
struct ReleaseStore::Kept {
    std::int64_t checked = 0;
    std::string keys;
    std::string etag;
    std::string last_modified;
    Sha256 text_digest;
    std::optional<Release> release;
};

struct ReleaseStore::Answer {
    bool unchanged = false;
    std::string content;
    std::string etag;
    std::string last_modified;
};

std::string suite_url(const AptSource& source) {
    std::string_view suite = source.suite;
    bool flat = suite.ends_with("/");
    while (suite.ends_with("/")) suite.remove_suffix(1);
    if (suite == "." || suite.empty()) return source.uri;
    return source.uri + (flat ? "/" : "/dists/") + std::string(suite);
}

fs::path ReleaseStore::state_file(const AptSource& source) const {
    return cache_.directory() / "releases" / Sha256::of(source.uri + "\n" + source.suite).hex();
}

Result<std::string> ReleaseStore::keys_digest(const AptSource& source) const {
    if (source.trusted) return std::string("trusted");
    TrustedKeys keys = trusted_keys(source, options_.root);
    Sha256Stream hash;
    hash.update(keys.key_block + "\n" + join(keys.fingerprints, " ") + "\n");
    for (const fs::path& file : keys.keyrings) {
        OSIEKIT_ASSIGN(Sha256 digest, Sha256::of_file(file));
        hash.update(digest.hex());
    }
    return hash.finish().hex();
}

// Nothing usable is the same as nothing: it is fetched again.
ReleaseStore::Kept ReleaseStore::load(const fs::path& file, const AptSource& source,
                                      const std::string& keys) const {
    Kept kept;
    auto text = read_checked(file, 1U << 16U);
    if (!text) return kept;
    StanzaReader reader(*text);
    std::vector<StanzaField> fields;
    auto any = reader.next(fields);
    if (!any || !*any || stanza_value(fields, "Keys") != keys ||
        stanza_value(fields, "URI") != without_credentials(source.uri))
        return kept;
    auto digest = Sha256::parse(stanza_value(fields, "Text"));
    auto checked = parse_u64(stanza_value(fields, "Checked"));
    if (!digest || !checked) return kept;
    auto blob = cache_.find(*digest);
    if (!blob || !*blob) return kept;
    auto content = read_file(**blob, release_size_limit);
    if (!content) return kept;
    auto release = parse_release(*content);
    if (!release) return kept;
    kept.checked = static_cast<std::int64_t>(*checked);
    kept.keys = keys;
    kept.etag = stanza_value(fields, "ETag");
    kept.last_modified = stanza_value(fields, "Last-Modified");
    kept.text_digest = *digest;
    kept.release = *std::move(release);
    return kept;
}

Result<ReleaseStore::Answer> ReleaseStore::ask(const AptSource& source, const Kept& kept) const {
    http::Client client;
    Answer answer;
    auto get = [&](const std::string& name, RetryAfter& asked) -> Status {
        PlainUrl url = split_credentials(suite_url(source) + "/" + name);
        http::Request request;
        request.url = url.url;
        request.user = url.user;
        request.password = url.password;
        request.proxy = options_.settings.proxy_for(url.url);
        request.ca_file = options_.settings.ca_file;
        request.body_limit = release_size_limit;
        request.stall_timeout = options_.settings.timeout;
        request.lowest_speed = lowest_mirror_speed;
        request.cancelled = options_.cancelled;
        if (kept.release && !kept.etag.empty())
            request.headers.push_back("If-None-Match: " + kept.etag);
        if (kept.release && !kept.last_modified.empty())
            request.headers.push_back("If-Modified-Since: " + kept.last_modified);
        // A cache on the way must ask too: an old InRelease does not fit the present indexes.
        request.headers.emplace_back("Cache-Control: max-age=0");
        OSIEKIT_ASSIGN(http::Response response, client.perform(request));
        std::string text = "GET " + url.url + ": HTTP status " + std::to_string(response.status);
        if (response.status == 304 && kept.release) {
            answer.unchanged = true;
            return {};
        }
        if (is_transient_status(response.status)) {
            asked = retry_after(response);
            return Error(ErrorKind::network, std::move(text));
        }
        if (response.status == 404)
            return Error(ErrorKind::not_found, std::move(text))
                .hint("check URI and suite of the source at " + source.origin);
        if (response.status < 200 || response.status >= 300)
            return Error(ErrorKind::refused, std::move(text)).hint(refused_hint);
        answer.content = std::move(response.body);
        answer.etag = response.headers["etag"];
        answer.last_modified = response.headers["last-modified"];
        return {};
    };
    auto ask_for = [&](const char* name) {
        return with_retries(options_.retry, options_.cancelled,
                            [&](RetryAfter& asked) { return get(name, asked); });
    };
    Status done = ask_for("InRelease");
    if (!done && done.error().kind() == ErrorKind::not_found && source.trusted)
        done = ask_for("Release");
    OSIEKIT_TRY(std::move(done));
    return answer;
}

Result<std::string> ReleaseStore::verified_text(const AptSource& source,
                                                const std::string& content) const {
    if (source.trusted) return strip_clear_signature(content);
    return verify_clear_signed(content, trusted_keys(source, options_.root))
        .context("verifying " + without_credentials(suite_url(source)) + "/InRelease");
}

// When a release expires, by what it says and by what the host allows (apt.conf(5),
// sources.list(5)).
std::optional<std::int64_t> ReleaseStore::valid_until(const AptSource& source,
                                                      const AptSettings& settings,
                                                      const Release& release) {
    auto limit = [&](const std::optional<std::int64_t>& own, const auto& host) -> std::int64_t {
        if (own) return *own;
        auto found = host.find(to_lower(release.label));
        if (found == host.end()) found = host.find("");
        return found == host.end() ? 0 : found->second;
    };
    auto until = release.valid_until;
    std::int64_t shortest = limit(source.shortest_valid, settings.shortest_valid);
    std::int64_t longest = limit(source.longest_valid, settings.longest_valid);
    if (until && shortest > 0) until = std::max(*until, release.date + shortest);
    if (longest > 0)
        until = std::min(until.value_or(release.date + longest), release.date + longest);
    return until;
}

// Is this what was asked for, and of our time?
Status ReleaseStore::check(const AptSource& source, const Release& release) const {
    std::string_view suite = source.suite;
    bool flat = suite.ends_with("/");
    bool named = !release.suite.empty() || !release.codename.empty();
    if (!flat && named && suite != release.suite && suite != release.codename &&
        !suite.starts_with(release.codename + "/"))
        return Error(ErrorKind::refused, "the mirror answers with the release of suite \"" +
                                             printable(release.suite, 40) + "\" (" +
                                             printable(release.codename, 40) + ")")
            .hint("check URI and suite of the source at " + source.origin);
    std::int64_t now = options_.now();
    if (source.check_date.value_or(options_.settings.check_date) &&
        release.date > now + clock_tolerance_s)
        return Error(ErrorKind::refused,
                     "the release file is dated " + age_text(release.date - now) + " in the future")
            .hint("check this machine's clock");
    auto until = valid_until(source, options_.settings, release);
    if (source.check_valid_until.value_or(options_.settings.check_valid_until) && until &&
        *until < now)
        return Error(ErrorKind::refused,
                     "the release file has expired " + age_text(now - *until) + " ago")
            .hint(options_.offline ? "run once without --offline"
                                   : "the mirror is out of date; for an archive of past states say "
                                     "\"Check-Valid-Until: no\" in the source at " +
                                         source.origin);
    return {};
}

Result<ReleaseStore::Kept> ReleaseStore::update(const AptSource& source, const Kept& kept,
                                                const std::string& keys) const {
    OSIEKIT_ASSIGN(Answer answer, ask(source, kept));
    Kept fresh = kept;
    fresh.keys = keys;
    fresh.checked = options_.now();
    if (!answer.unchanged) {
        OSIEKIT_ASSIGN(std::string text, verified_text(source, answer.content));
        OSIEKIT_ASSIGN(Release release, parse_release(text));
        // A mirror of a group may be behind; going back would undo updates (CVE-2013-1051 was of
        // this kind), so the newer one that is here stays.
        if (!kept.release || release.date >= kept.release->date) {
            fresh.text_digest = Sha256::of(text);
            OSIEKIT_TRY(cache_.put(text, fresh.text_digest, {"release", describe(source)}));
            fresh.release = std::move(release);
            fresh.etag = std::move(answer.etag);
            fresh.last_modified = std::move(answer.last_modified);
        }
    }
    OSIEKIT_TRY(check(source, *fresh.release));
    std::string state = "URI: " + without_credentials(source.uri) + "\nSuite: " + source.suite +
                        "\nChecked: " + std::to_string(fresh.checked) + "\nKeys: " + keys +
                        "\nText: " + fresh.text_digest.hex() + "\n";
    if (!fresh.etag.empty()) state += "ETag: " + fresh.etag + "\n";
    if (!fresh.last_modified.empty()) state += "Last-Modified: " + fresh.last_modified + "\n";
    OSIEKIT_TRY(write_checked(state_file(source), state));
    return fresh;
}

Result<CurrentRelease> ReleaseStore::current(const AptSource& source) const {
    std::string subject = "reading the release of " + describe(source);
    auto keys = keys_digest(source);
    if (!keys) return std::move(keys).error().context(subject);
    Kept kept = load(state_file(source), source, *keys);
    std::int64_t age = options_.now() - kept.checked;
    constexpr std::int64_t interval =
        std::chrono::duration_cast<std::chrono::seconds>(release_check_interval).count();
    bool fresh = kept.release && age >= 0 && age < interval;
    if (options_.offline && !kept.release)
        return Error(ErrorKind::not_found, "it is not in the cache, and asking is not allowed")
            .hint("run once without --offline")
            .context(subject);
    if (options_.offline || (fresh && !options_.refresh)) {
        Status good = check(source, *kept.release);
        if (good) return CurrentRelease{*std::move(kept.release), false};
        // What has expired a moment ago the mirror may have renewed.
        if (options_.offline) return std::move(good).error().context(subject);
    }
    auto updated = update(source, kept, *keys);
    if (!updated) return std::move(updated).error().context(subject);
    return CurrentRelease{*std::move(updated->release), true};
}

}  // namespace osiekit::builder
