#include "builder/debian/repository.hpp"

#include <algorithm>
#include <atomic>
#include <ctime>

#include "builder/cache/parallel.hpp"
#include "builder/cache/url.hpp"
#include "builder/debian/index_store.hpp"
#include "builder/debian/relation.hpp"
#include "builder/debian/release_store.hpp"
#include "builder/debian/resolver.hpp"
#include "builder/debian/stanza.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace fs = std::filesystem;

namespace {

// Changes when the same indexes and names would be resolved otherwise.
constexpr std::string_view resolver_version = "3";
constexpr std::size_t parallel_releases = 4;

// What was chosen, without pointers into an index.
std::string to_text(const std::vector<LocatedPackage>& packages) {
    std::string text;
    auto append = [&](std::string_view name, std::string_view value) {
        text.append(name).append(": ").append(value).append("\n");
    };
    for (const LocatedPackage& package : packages) {
        append("Package", package.name);
        append("Version", package.version);
        append("Architecture", package.architecture);
        append("Source", package.source);
        append("Source-Version", package.source_version);
        append("Suite", package.suite);
        append("Component", package.component);
        append("Filename", package.location);
        append("SHA256", package.digest.hex());
        append("Size", std::to_string(package.size));
        append("Installed-Size", std::to_string(package.installed_size));
        append("URL", package.url);
        text += "\n";
    }
    return text;
}

Result<std::vector<LocatedPackage>> parse_choices(std::string_view text) {
    std::vector<LocatedPackage> packages;
    StanzaReader reader(text);
    std::vector<StanzaField> fields;
    for (;;) {
        OSIEKIT_ASSIGN(bool more, reader.next(fields));
        if (!more) return packages;
        auto value = [&](std::string_view name) { return std::string(stanza_value(fields, name)); };
        LocatedPackage package;
        package.name = value("Package");
        package.version = value("Version");
        package.architecture = value("Architecture");
        package.source = value("Source");
        package.source_version = value("Source-Version");
        package.suite = value("Suite");
        package.component = value("Component");
        package.location = value("Filename");
        package.url = value("URL");
        OSIEKIT_ASSIGN(package.digest, Sha256::parse(value("SHA256")));
        auto size = parse_u64(value("Size"));
        auto installed = parse_u64(value("Installed-Size"));
        if (!size || !installed)
            return Error(ErrorKind::invalid_input, "a kept resolution is damaged");
        package.size = *size;
        package.installed_size = *installed;
        packages.push_back(std::move(package));
    }
}

// "name (version)" or "name" of the field Source.
void set_source(const PackageRecord& record, LocatedPackage& package) {
    package.source = record.name;
    package.source_version = record.version;
    if (record.source.empty()) return;
    std::size_t open = record.source.find('(');
    package.source = trim(record.source.substr(0, open));
    if (open == std::string_view::npos) return;
    std::string_view version = record.source.substr(open + 1);
    package.source_version = trim(version.substr(0, version.find(')')));
}

constexpr std::uint64_t kibi = 1024;

LocatedPackage to_package(const PackageRecord& record, const IndexFile& index,
                          const AptSource& source) {
    LocatedPackage package;
    package.name = record.name;
    package.version = record.version;
    package.architecture = record.architecture;
    set_source(record, package);
    package.suite = source.suite;
    package.component = index.component;
    package.location = record.filename;
    package.digest = record.digest;
    package.size = record.size;
    package.installed_size =
        std::min(parse_u64(record.installed_size).value_or(0), package_size_limit) * kibi;
    package.url = without_credentials(source.uri) + "/" + package.location;
    return package;
}

}  // namespace

struct DebianRepository::State {
    Options options;
    AptSettings settings;
    std::vector<AptSource> sources;
    std::vector<std::string> warnings;
    BlobCache cache;
    bool may_retry = false;  // a release was taken from the cache without asking its mirror

    State(Options wanted, BlobCache opened)
        : options(std::move(wanted)), cache(std::move(opened)) {}

    struct Snapshot {
        std::vector<IndexFile> indexes;
        bool all_asked = true;
    };
    Result<Snapshot> read_releases();
    Result<std::vector<LocatedPackage>> choose(const Snapshot& snapshot, const PackageQuery& query);
    Result<std::vector<LocatedPackage>> fetch(std::vector<LocatedPackage> packages,
                                              const FetchWatch& watch);
    Result<std::vector<LocatedPackage>> resolve(const PackageQuery& query);
    std::vector<FetchItem> sources_of(const LocatedPackage& package) const;
    Result<fs::path> fetch_from_any(const std::vector<FetchItem>& items, const FetchWatch& watch);
    FetchOptions fetch_options(const FetchWatch& watch = {}) const;
    fs::path resolution_path(const Snapshot& snapshot, const PackageQuery& query) const;
};

FetchOptions DebianRepository::State::fetch_options(const FetchWatch& watch) const {
    FetchOptions fetch;
    fetch.retry = options.retry;
    fetch.offline = options.offline;
    fetch.progress = options.progress;
    fetch.cancelled = options.cancelled;
    if (watch.cancelled)
        fetch.cancelled = [here = options.cancelled, there = watch.cancelled] {
            return (here && here()) || there();
        };
    return fetch;
}

Result<DebianRepository::State::Snapshot> DebianRepository::State::read_releases() {
    ReleaseStore::Options store_options;
    store_options.settings = settings;
    store_options.root = options.root;
    store_options.offline = options.offline;
    store_options.refresh = options.refresh;
    store_options.retry = options.retry;
    store_options.now = options.now;
    std::atomic<bool> stopping{false};
    store_options.cancelled = [&] {
        return stopping.load() || (options.cancelled && options.cancelled());
    };
    ReleaseStore store(cache, store_options);
    std::vector<std::optional<CurrentRelease>> releases(sources.size());
    OSIEKIT_TRY(
        run_parallel(sources.size(), parallel_releases, stopping, [&](std::size_t i) -> Status {
            OSIEKIT_ASSIGN(releases[i], store.current(sources[i]));
            return {};
        }));
    Snapshot snapshot;
    for (std::size_t i = 0; i < sources.size(); ++i) {
        snapshot.all_asked = snapshot.all_asked && releases[i]->asked;
        auto files = select_indexes(sources[i], releases[i]->release, static_cast<std::uint32_t>(i),
                                    options.architecture, settings);
        if (!files)
            return std::move(files).error().context("the source at " + sources[i].origin + " (" +
                                                    without_credentials(sources[i].uri) + " " +
                                                    sources[i].suite + ")");
        std::move(files->begin(), files->end(), std::back_inserter(snapshot.indexes));
    }
    return snapshot;
}

fs::path DebianRepository::State::resolution_path(const Snapshot& snapshot,
                                                  const PackageQuery& query) const {
    Sha256Stream hash;
    auto add = [&](std::string_view text) {
        hash.update(text);
        hash.update("\n");
    };
    add(resolver_version);
    add(options.architecture);
    for (const IndexFile& file : snapshot.indexes) {
        const AptSource& source = sources[file.source];
        add(without_credentials(source.uri) + " " + source.suite + " " + file.component + " " +
            file.item.digest.hex());
    }
    add(query.key());
    return cache.directory() / "resolved" / hash.finish().hex();
}

Result<std::vector<LocatedPackage>> DebianRepository::State::choose(const Snapshot& snapshot,
                                                                    const PackageQuery& query) {
    fs::path kept = resolution_path(snapshot, query);
    if (auto text = read_checked(kept))
        if (auto packages = parse_choices(*text)) return packages;
    OSIEKIT_ASSIGN(PackageIndex index,
                   load_indexes(cache, snapshot.indexes, options.architecture, fetch_options()));
    OSIEKIT_ASSIGN(auto records, builder::resolve(index, query));
    std::vector<LocatedPackage> packages;
    packages.reserve(records.size());
    for (const PackageRecord* record : records) {
        const IndexFile& file = snapshot.indexes[record->index];
        packages.push_back(to_package(*record, file, sources[file.source]));
    }
    OSIEKIT_TRY(write_checked(kept, to_text(packages)));
    return packages;
}

Result<std::vector<LocatedPackage>> DebianRepository::State::resolve(const PackageQuery& query) {
    OSIEKIT_ASSIGN(Snapshot snapshot, read_releases());
    may_retry = !options.offline && !snapshot.all_asked;
    OSIEKIT_ASSIGN(auto packages, choose(snapshot, query));
    for (LocatedPackage& package : packages) {
        OSIEKIT_ASSIGN(auto file, cache.find(package.digest));
        if (file) package.file = *std::move(file);
    }
    return packages;
}

// Where a package may lie, the likeliest first: with a lock, the mirror may be another one than
// that which the package was first found on.
std::vector<FetchItem> DebianRepository::State::sources_of(const LocatedPackage& package) const {
    std::vector<FetchItem> items;
    for (const AptSource& source : sources) {
        const auto& parts = source.components;
        if (source.suite != package.suite ||
            (!parts.empty() &&
             std::find(parts.begin(), parts.end(), package.component) == parts.end()))
            continue;
        FetchItem item;
        item.name = package.to_string();
        item.url = source.uri + "/" + package.location;
        item.proxy = settings.proxy_for(item.url);
        item.ca_file = settings.ca_file;
        item.stall_timeout = settings.timeout;
        item.digest = package.digest;
        item.size = package.size;
        bool known = without_credentials(item.url) == package.url;
        items.insert(known ? items.begin() : items.end(), std::move(item));
    }
    return items;
}

Result<fs::path> DebianRepository::State::fetch_from_any(const std::vector<FetchItem>& items,
                                                         const FetchWatch& watch) {
    std::optional<Error> first;
    for (const FetchItem& item : items) {
        auto paths = fetch_all(cache, {item}, fetch_options(watch));
        if (paths) return std::move(paths->front());
        if (!first) first = std::move(paths).error();
        if (first->kind() == ErrorKind::cancelled) break;
    }
    return std::move(*first);
}

Result<std::vector<LocatedPackage>> DebianRepository::State::fetch(
    std::vector<LocatedPackage> packages, const FetchWatch& watch) {
    std::vector<std::vector<FetchItem>> places;
    std::vector<FetchItem> likeliest;
    bool only_one = true;
    for (const LocatedPackage& package : packages) {
        if (!valid_location(package.location))
            return Error(ErrorKind::invalid_input, "the package " + package.name +
                                                       " has no safe place below a mirror: \"" +
                                                       printable(package.location, 100) + "\"");
        places.push_back(sources_of(package));
        if (places.back().empty()) {
            // Without a source the cache may still have it.
            OSIEKIT_ASSIGN(auto kept, cache.find(package.digest));
            if (!kept)
                return Error(ErrorKind::not_found,
                             "the package " + package.to_string() + " is of the suite " +
                                 printable(package.suite) + " " + printable(package.component) +
                                 ", for which no source is configured")
                    .hint("add one to /etc/apt/sources.list.d");
            places.back().push_back(
                {package.to_string(), {}, {}, {}, package.digest, package.size});
        }
        only_one = only_one && places.back().size() == 1;
        likeliest.push_back(places.back().front());
    }
    FetchOptions fetching = fetch_options(watch);
    fetching.arrived = [&](std::size_t i, const fs::path& file) {
        LocatedPackage package = packages[i];
        package.file = file;
        package.url = without_credentials(places[i].front().url);
        return watch.tell(package);
    };
    if (watch.begins)
        fetching.begins = [&](std::size_t i, const std::shared_ptr<Arriving>& arriving) {
            watch.begins(packages[i], arriving);
        };
    auto paths = fetch_all(cache, likeliest, fetching);
    if (!paths && (only_one || !may_be_outdated(paths.error()))) return std::move(paths).error();
    for (std::size_t i = 0; i < packages.size(); ++i) {
        if (paths) {
            packages[i].file = (*paths)[i];
        } else {
            OSIEKIT_ASSIGN(packages[i].file, fetch_from_any(places[i], watch));
        }
        packages[i].url = without_credentials(places[i].front().url);
        if (!paths) OSIEKIT_TRY(watch.tell(packages[i]));
    }
    return packages;
}

DebianRepository::DebianRepository(std::unique_ptr<State> state) : state_(std::move(state)) {}
DebianRepository::~DebianRepository() = default;

const std::vector<std::string>& DebianRepository::warnings() const {
    return state_->warnings;
}

Result<std::unique_ptr<DebianRepository>> DebianRepository::open(Options options) {
    if (!valid_package_name(options.architecture))
        return Error(ErrorKind::invalid_input,
                     "\"" + printable(options.architecture, 40) + "\" is not an architecture");
    if (options.cache.empty()) options.cache = default_cache_directory();
    if (!options.now) options.now = [] { return static_cast<std::int64_t>(std::time(nullptr)); };
    OSIEKIT_ASSIGN(BlobCache cache, BlobCache::open(options.cache));
    auto state = std::make_unique<State>(std::move(options), std::move(cache));
    const Options& wanted = state->options;
    OSIEKIT_ASSIGN(AptConfiguration host, read_apt_configuration(wanted.root));
    state->settings = wanted.settings.value_or(host.settings);
    std::vector<AptSource> candidates = wanted.sources;
    std::string release = wanted.release;
    if (candidates.empty()) {
        if (release.empty()) {
            OSIEKIT_ASSIGN(release, host_codename(wanted.root));
        }
        state->warnings = std::move(host.warnings);
        for (AptSource& source : host.sources)
            if (suite_of_release(source.suite, release)) candidates.push_back(std::move(source));
    }
    for (AptSource& source : candidates) {
        const auto& only = source.architectures;
        if (only.empty() || std::find(only.begin(), only.end(), wanted.architecture) != only.end())
            state->sources.push_back(std::move(source));
    }
    if (state->sources.empty())
        return Error(ErrorKind::not_found, "no package source of release \"" + release +
                                               "\" for architecture " + wanted.architecture +
                                               " is configured in " +
                                               (wanted.root / "etc/apt").string())
            .hint("add one to /etc/apt/sources.list.d, or name sources in the profile");
    return std::unique_ptr<DebianRepository>(new DebianRepository(std::move(state)));
}

Result<std::vector<LocatedPackage>> DebianRepository::resolve(const PackageQuery& query) {
    return asking_again([&] { return state_->resolve(query); });
}

Result<std::vector<LocatedPackage>> DebianRepository::fetch(std::vector<LocatedPackage> packages,
                                                            const FetchWatch& watch) {
    return state_->fetch(std::move(packages), watch);
}

bool DebianRepository::refresh() {
    if (!state_->may_retry) return false;
    state_->options.refresh = true;
    return true;
}

}  // namespace osiekit::builder
