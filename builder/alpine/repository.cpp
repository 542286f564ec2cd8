#include "builder/alpine/repository.hpp"

#include <atomic>
#include <ctime>
#include <mutex>

#include "builder/alpine/apk.hpp"
#include "builder/alpine/apk_index.hpp"
#include "builder/alpine/atom.hpp"
#include "builder/alpine/keys.hpp"
#include "builder/alpine/resolver.hpp"
#include "builder/cache/parallel.hpp"
#include "builder/cache/url.hpp"
#include "builder/debian/index_store.hpp"
#include "builder/debian/mapped_file.hpp"
#include "lib/base/file.hpp"
#include "lib/base/text.hpp"
#include "lib/http/http_client.hpp"

namespace osiekit::builder {

namespace fs = std::filesystem;
using alpine::Record;

namespace {

constexpr std::size_t parallel_fetches = 4;

bool word(std::string_view text) {
    return alpine::valid_package_name(text);
}

std::string alpine_architecture(const std::string& name) {
    if (name == "amd64") return "x86_64";
    return name == "arm64" ? "aarch64" : name;
}

}  // namespace

struct AlpineRepository::State {
    Options options;
    BlobCache cache;
    alpine::Keys keys;
    std::string architecture;
    bool may_retry = false;  // an index was taken from the cache without asking the mirror
    // Of the packages of one fetch().
    std::mutex mutex;
    Progress progress;

    State(Options wanted, BlobCache opened, alpine::Keys loaded)
        : options(std::move(wanted)), cache(std::move(opened)), keys(std::move(loaded)) {}

    std::string folder(std::size_t repository) const {
        return options.mirror + "/" + options.branch + "/" + options.repositories[repository] +
               "/" + architecture;
    }
    fs::path kept_file(std::string_view kind, std::string_view key) const {
        return cache.directory() / "alpine" / kind / Sha256::of(key).hex();
    }
    // `moved` is told how much of the body is here.
    Result<std::string> get(const std::string& url, std::uint64_t limit,
                            const std::function<bool()>& cancelled,
                            const std::function<void(std::uint64_t)>& moved = {});
    Result<std::optional<fs::path>> kept_blob(const fs::path& file, std::int64_t& written);
    Result<std::string> load_index(std::size_t repository, bool& asked,
                                   const std::function<bool()>& cancelled);
    Result<alpine::Index> load_indexes(bool& asked);
    LocatedPackage to_package(const Record& record) const;
    // Sets file and digest if the cache has the package.
    Result<bool> recall(LocatedPackage& package);
    Status fetch_one(LocatedPackage& package, const std::function<bool()>& cancelled,
                     const std::function<void(std::uint64_t)>& moved);
    Result<std::vector<LocatedPackage>> resolve(const PackageQuery& query);
    Result<std::vector<LocatedPackage>> fetch(std::vector<LocatedPackage> packages,
                                              const FetchWatch& watch);
    // The package has `now` bytes, and had `before`.
    void report(const LocatedPackage& package, std::uint64_t before, std::uint64_t now,
                bool finished);
};

Result<std::string> AlpineRepository::State::get(const std::string& url, std::uint64_t limit,
                                                 const std::function<bool()>& cancelled,
                                                 const std::function<void(std::uint64_t)>& moved) {
    http::Client client;
    std::string body;
    PlainUrl plain = split_credentials(url);
    http::Request request;
    request.url = plain.url;
    request.user = plain.user;
    request.password = plain.password;
    request.cancelled = cancelled;
    request.stall_timeout = options.stall_timeout;
    request.lowest_speed = lowest_mirror_speed;
    request.headers.emplace_back("Cache-Control: max-age=0");
    request.on_body = [&](std::string_view piece) -> Status {
        if (piece.size() > limit - body.size())
            return Error(ErrorKind::limit, "it is larger than " + std::to_string(limit) + " bytes");
        body += piece;
        if (moved) moved(body.size());
        return {};
    };
    OSIEKIT_TRY(with_retries(options.retry, cancelled, [&](RetryAfter& asked) -> Status {
        body.clear();
        OSIEKIT_ASSIGN(http::Response response, client.perform(request));
        std::string text = "GET " + plain.url + ": HTTP status " + std::to_string(response.status);
        if (is_transient_status(response.status)) {
            asked = retry_after(response);
            return Error(ErrorKind::network, std::move(text));
        }
        if (response.status == 404)
            return Error(ErrorKind::not_found, std::move(text))
                .hint("check mirror, branch and repository of the section \"alpine\"");
        if (response.status < 200 || response.status >= 300)
            return Error(ErrorKind::refused, std::move(text)).hint(refused_hint);
        return {};
    }));
    return body;
}

// "SECONDS HEX": when it was written, and the entry of the cache it stands for.
Result<std::optional<fs::path>> AlpineRepository::State::kept_blob(const fs::path& file,
                                                                   std::int64_t& written) {
    auto text = read_checked(file);
    if (!text) return std::optional<fs::path>();
    auto words = split_words(*text);
    if (words.size() != 2) return std::optional<fs::path>();
    auto seconds = parse_u64(words[0]);
    auto digest = Sha256::parse(words[1]);
    if (!seconds || !digest) return std::optional<fs::path>();
    written = static_cast<std::int64_t>(*seconds);
    return cache.find(*digest);
}

Result<std::string> AlpineRepository::State::load_index(std::size_t repository, bool& asked,
                                                        const std::function<bool()>& cancelled) {
    std::string url = folder(repository) + "/APKINDEX.tar.gz";
    fs::path file = kept_file("indexes", url);
    std::int64_t written = 0;
    OSIEKIT_ASSIGN(auto kept, kept_blob(file, written));
    std::int64_t age = options.now() - written;
    constexpr std::int64_t interval =
        std::chrono::duration_cast<std::chrono::seconds>(index_check_interval).count();
    if (kept && (options.offline || (!options.refresh && age >= 0 && age < interval))) {
        OSIEKIT_ASSIGN(std::string bytes, read_file(*kept, alpine::index_file_limit));
        return alpine::read_index_archive(bytes, keys);
    }
    if (options.offline)
        return Error(ErrorKind::not_found, "it is not in the cache, and asking is not allowed")
            .hint("run once without --offline");
    OSIEKIT_ASSIGN(std::string bytes, get(url, alpine::index_file_limit, cancelled));
    OSIEKIT_ASSIGN(std::string text, alpine::read_index_archive(bytes, keys));
    Sha256 digest = Sha256::of(bytes);
    OSIEKIT_TRY(cache.put(bytes, digest, {"index", without_credentials(url)}));
    OSIEKIT_TRY(write_checked(file, std::to_string(options.now()) + " " + digest.hex()));
    asked = true;
    return text;
}

Result<alpine::Index> AlpineRepository::State::load_indexes(bool& asked) {
    std::size_t count = options.repositories.size();
    std::vector<std::string> texts(count);
    std::atomic<bool> stopping{false};
    std::atomic<std::size_t> fresh{0};
    auto cancelled = [&] { return stopping.load() || (options.cancelled && options.cancelled()); };
    OSIEKIT_TRY(run_parallel(count, parallel_fetches, stopping, [&](std::size_t i) -> Status {
        bool asked_here = false;
        auto text = load_index(i, asked_here, cancelled);
        if (!text)
            return std::move(text).error().context(
                "reading the index " + without_credentials(folder(i)) + "/APKINDEX.tar.gz");
        texts[i] = *std::move(text);
        fresh += asked_here ? 1 : 0;
        return {};
    }));
    asked = fresh == count;
    alpine::Index index;
    for (std::size_t i = 0; i < count; ++i)
        OSIEKIT_TRY(
            index.add(std::move(texts[i]), static_cast<std::uint32_t>(i), options.repositories[i])
                .context("reading the index of " + without_credentials(folder(i))));
    index.finish();
    return index;
}

void AlpineRepository::State::report(const LocatedPackage& package, std::uint64_t before,
                                     std::uint64_t now, bool finished) {
    std::lock_guard lock(mutex);
    progress.current = package.name;
    progress.bytes_done += now - before;  // wraps around when an attempt starts anew
    if (finished) ++progress.files_done;
    if (options.progress) options.progress(progress);
}

LocatedPackage AlpineRepository::State::to_package(const Record& record) const {
    LocatedPackage package;
    package.system = PackageSystem::alpine;
    package.name = record.name;
    package.version = record.version;
    package.architecture = record.architecture;
    package.source = record.origin.empty() ? record.name : record.origin;
    package.source_version = record.version;
    package.license = record.license;
    package.suite = options.branch;
    package.component = options.repositories[record.repository];
    package.location = package.suite + "/" + package.component + "/" + architecture + "/" +
                       package.name + "-" + package.version + ".apk";
    package.identity = record.identity;
    package.digest_known = false;
    package.size = record.size;
    package.installed_size = record.installed_size;
    package.url = without_credentials(options.mirror) + "/" + package.location;
    return package;
}

Result<bool> AlpineRepository::State::recall(LocatedPackage& package) {
    if (package.digest_known) {
        OSIEKIT_ASSIGN(auto blob, cache.find(package.digest));
        if (blob) package.file = *std::move(blob);
        return !package.file.empty();
    }
    // The identity is a digest, so what is kept under it holds for every mirror.
    std::int64_t written = 0;
    OSIEKIT_ASSIGN(auto kept, kept_blob(kept_file("packages", package.identity), written));
    if (!kept) return false;
    OSIEKIT_ASSIGN(package.digest, Sha256::parse(kept->filename().string()));
    package.digest_known = true;
    package.file = *std::move(kept);
    return true;
}

Status AlpineRepository::State::fetch_one(LocatedPackage& package,
                                          const std::function<bool()>& cancelled,
                                          const std::function<void(std::uint64_t)>& moved) {
    package.url = without_credentials(options.mirror) + "/" + package.location;
    OSIEKIT_ASSIGN(bool cached, recall(package));
    if (cached) return {};
    if (options.offline)
        return Error(ErrorKind::not_found, "it is not in the cache, and asking is not allowed")
            .hint("run once without --offline");
    if (!valid_location(package.location) || package.size > alpine::package_size_limit)
        return Error(ErrorKind::invalid_input,
                     "it has no safe place below a mirror, or no possible size");
    OSIEKIT_ASSIGN(std::string bytes,
                   get(options.mirror + "/" + package.location, package.size, cancelled, moved));
    if (bytes.size() != package.size)
        return Error(ErrorKind::digest, "it has " + std::to_string(bytes.size()) + " bytes, and " +
                                            std::to_string(package.size) + " were expected");
    Sha256 digest = Sha256::of(bytes);
    if (package.digest_known && digest != package.digest)
        return Error(ErrorKind::digest, "its SHA-256 is " + digest.hex() + ", and " +
                                            package.digest.hex() + " was expected");
    OSIEKIT_ASSIGN(alpine::ApkParts parts, alpine::open_apk(bytes));
    std::string identity = alpine::identity_of(parts.control);
    if (identity != package.identity)
        return Error(ErrorKind::digest, "its control part is " + identity +
                                            ", and the index says " + package.identity);
    if (parts.info.name != package.name || parts.info.version != package.version)
        return Error(ErrorKind::refused, "it is " + parts.info.name + " " + parts.info.version);
    package.digest = digest;
    package.digest_known = true;
    OSIEKIT_ASSIGN(package.file, cache.put(bytes, digest, {"package", package.to_string()}));
    return write_checked(kept_file("packages", package.identity),
                         std::to_string(options.now()) + " " + digest.hex());
}

Result<std::vector<LocatedPackage>> AlpineRepository::State::resolve(const PackageQuery& query) {
    bool asked = false;
    OSIEKIT_ASSIGN(alpine::Index index, load_indexes(asked));
    may_retry = !options.offline && !asked;
    OSIEKIT_ASSIGN(auto records, alpine::resolve(index, query));
    std::vector<LocatedPackage> packages;
    packages.reserve(records.size());
    for (const Record* record : records) {
        packages.push_back(to_package(*record));
        OSIEKIT_TRY(recall(packages.back()));
    }
    return packages;
}

Result<std::vector<LocatedPackage>> AlpineRepository::State::fetch(
    std::vector<LocatedPackage> packages, const FetchWatch& watch) {
    progress = Progress();
    progress.files_total = packages.size();
    for (const LocatedPackage& package : packages) progress.bytes_total += package.size;
    std::atomic<bool> stopping{false};
    auto cancelled = [&] {
        return stopping.load() || (options.cancelled && options.cancelled()) ||
               (watch.cancelled && watch.cancelled());
    };
    auto fetch_numbered = [&](std::size_t i) -> Status {
        std::uint64_t have = 0;
        auto moved = [&](std::uint64_t now) {
            report(packages[i], have, now, false);
            have = now;
        };
        OSIEKIT_TRY(fetch_one(packages[i], cancelled, moved)
                        .context("fetching the package " + packages[i].to_string() + " from " +
                                 packages[i].url));
        report(packages[i], have, packages[i].size, true);
        return watch.tell(packages[i]);
    };
    OSIEKIT_TRY(run_parallel(packages.size(), parallel_fetches, stopping, fetch_numbered));
    return packages;
}

AlpineRepository::AlpineRepository(std::unique_ptr<State> state) : state_(std::move(state)) {}
AlpineRepository::~AlpineRepository() = default;

Result<std::unique_ptr<AlpineRepository>> AlpineRepository::open(Options options) {
    std::string architecture = alpine_architecture(options.architecture);
    if (!word(architecture))
        return Error(ErrorKind::invalid_input,
                     "\"" + printable(options.architecture, 40) + "\" is not an architecture");
    if (options.mirror.empty())
        return Error(ErrorKind::invalid_input, "the mirror of Alpine's packages is not named")
            .hint("say \"mirror\" in the section \"alpine\" of the profile");
    std::string scheme = url_scheme(options.mirror);
    if (scheme != "http" && scheme != "https")
        return Error(ErrorKind::invalid_input, "\"" +
                                                   printable(without_credentials(options.mirror)) +
                                                   "\" is not the URL of a mirror")
            .hint("http and https are known");
    while (options.mirror.ends_with('/')) options.mirror.pop_back();
    if (!word(options.branch))
        return Error(ErrorKind::invalid_input,
                     "\"" + printable(options.branch, 40) + "\" is not a branch of Alpine")
            .hint("\"v3.20\", for example, or \"edge\"");
    if (options.repositories.empty())
        return Error(ErrorKind::invalid_input, "no repository of Alpine is named")
            .hint("main and community are usual");
    for (const std::string& name : options.repositories)
        if (!word(name))
            return Error(ErrorKind::invalid_input,
                         "\"" + printable(name, 40) + "\" is not a repository of Alpine")
                .hint("main and community are usual");
    if (options.cache.empty()) options.cache = default_cache_directory();
    if (!options.now) options.now = [] { return static_cast<std::int64_t>(std::time(nullptr)); };
    OSIEKIT_ASSIGN(alpine::Keys keys, alpine::Keys::load(options.keys));
    OSIEKIT_ASSIGN(BlobCache cache, BlobCache::open(options.cache));
    auto state = std::make_unique<State>(std::move(options), std::move(cache), std::move(keys));
    state->architecture = std::move(architecture);
    return std::unique_ptr<AlpineRepository>(new AlpineRepository(std::move(state)));
}

Result<std::vector<LocatedPackage>> AlpineRepository::resolve(const PackageQuery& query) {
    return asking_again([&] { return state_->resolve(query); });
}

Result<std::vector<LocatedPackage>> AlpineRepository::fetch(std::vector<LocatedPackage> packages,
                                                            const FetchWatch& watch) {
    return state_->fetch(std::move(packages), watch);
}

bool AlpineRepository::refresh() {
    if (!state_->may_retry) return false;
    state_->options.refresh = true;
    return true;
}

}  // namespace osiekit::builder
