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
constexpr std::string_view resolver_version = "1";
constexpr std::size_t parallel_releases = 4;

// What was chosen, without pointers into an index.
struct Choice {
    std::string name;
    std::string version;
    std::string architecture;
    std::string filename;
    Sha256 digest;
    std::uint64_t size = 0;
    std::size_t source = 0;
};

std::string to_text(const std::vector<Choice>& choices) {
    std::string text;
    for (const Choice& choice : choices)
        text += "Package: " + choice.name + "\nVersion: " + choice.version +
                "\nArchitecture: " + choice.architecture + "\nFilename: " + choice.filename +
                "\nSHA256: " + choice.digest.hex() + "\nSize: " + std::to_string(choice.size) +
                "\nSource-Number: " + std::to_string(choice.source) + "\n\n";
    return text;
}

Result<std::vector<Choice>> parse_choices(std::string_view text, std::size_t sources) {
    std::vector<Choice> choices;
    StanzaReader reader(text);
    std::vector<StanzaField> fields;
    for (;;) {
        OSIEKIT_ASSIGN(bool more, reader.next(fields));
        if (!more) return choices;
        auto value = [&](std::string_view name) { return std::string(stanza_value(fields, name)); };
        OSIEKIT_ASSIGN(Sha256 digest, Sha256::parse(value("SHA256")));
        auto size = parse_u64(value("Size"));
        auto source = parse_u64(value("Source-Number"));
        if (!size || !source || *source >= sources)
            return Error(ErrorKind::invalid_input, "a kept resolution is damaged");
        choices.push_back({value("Package"), value("Version"), value("Architecture"),
                           value("Filename"), digest, *size, static_cast<std::size_t>(*source)});
    }
}

std::vector<Choice> to_choices(const std::vector<const PackageRecord*>& records) {
    std::vector<Choice> choices;
    choices.reserve(records.size());
    for (const PackageRecord* record : records)
        choices.push_back({std::string(record->name), std::string(record->version),
                           std::string(record->architecture), std::string(record->filename),
                           record->digest, record->size, record->source});
    return choices;
}

// A mirror that was updated since it was asked: asking again may mend it.
bool may_be_outdated(ErrorKind kind) {
    return kind == ErrorKind::not_found || kind == ErrorKind::digest;
}

}  // namespace

struct DebianRepository::State {
    Options options;
    AptSettings settings;
    std::vector<AptSource> sources;
    std::vector<std::string> warnings;
    BlobCache cache;

    State(Options wanted, BlobCache opened)
        : options(std::move(wanted)), cache(std::move(opened)) {}

    struct Snapshot {
        std::vector<IndexFile> indexes;
        bool all_asked = true;
    };
    Result<Snapshot> read_releases(bool refresh);
    Result<std::vector<Choice>> choose(const Snapshot& snapshot,
                                       const std::vector<std::string>& names,
                                       const Dependencies& dependencies);
    Result<std::vector<LocatedPackage>> fetch(const std::vector<Choice>& choices);
    // `may_retry` is set when a release was taken from the cache without asking the mirror.
    Result<std::vector<LocatedPackage>> obtain(const std::vector<std::string>& names,
                                               const Dependencies& dependencies, bool refresh,
                                               bool& may_retry);
    FetchOptions fetch_options() const;
    fs::path resolution_path(const Snapshot& snapshot, std::vector<std::string> names,
                             const Dependencies& dependencies) const;
};

FetchOptions DebianRepository::State::fetch_options() const {
    FetchOptions fetch;
    fetch.retry = options.retry;
    fetch.offline = options.offline;
    fetch.progress = options.progress;
    fetch.cancelled = options.cancelled;
    return fetch;
}

Result<DebianRepository::State::Snapshot> DebianRepository::State::read_releases(bool refresh) {
    ReleaseStore::Options store_options;
    store_options.settings = settings;
    store_options.root = options.root;
    store_options.offline = options.offline;
    store_options.refresh = options.refresh || refresh;
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
                                                  std::vector<std::string> names,
                                                  const Dependencies& dependencies) const {
    std::sort(names.begin(), names.end());
    Sha256Stream hash;
    auto add = [&](std::string_view text) {
        hash.update(text);
        hash.update("\n");
    };
    add(resolver_version);
    add(options.architecture);
    add(dependencies.key());
    for (const IndexFile& file : snapshot.indexes)
        add(std::to_string(file.source) + " " + file.item.digest.hex());
    for (const std::string& name : names) add(name);
    return cache.directory() / "resolved" / hash.finish().hex();
}

Result<std::vector<Choice>> DebianRepository::State::choose(const Snapshot& snapshot,
                                                            const std::vector<std::string>& names,
                                                            const Dependencies& dependencies) {
    fs::path kept = resolution_path(snapshot, names, dependencies);
    if (auto text = read_checked(kept))
        if (auto choices = parse_choices(*text, sources.size())) return choices;
    OSIEKIT_ASSIGN(PackageIndex index,
                   load_indexes(cache, snapshot.indexes, options.architecture, fetch_options()));
    OSIEKIT_ASSIGN(auto records, resolve(index, names, dependencies));
    auto choices = to_choices(records);
    OSIEKIT_TRY(write_checked(kept, to_text(choices)));
    return choices;
}

Result<std::vector<LocatedPackage>> DebianRepository::State::fetch(
    const std::vector<Choice>& choices) {
    std::vector<FetchItem> items;
    for (const Choice& choice : choices) {
        FetchItem item;
        item.name = choice.name;
        item.url = sources[choice.source].uri + "/" + choice.filename;
        item.proxy = settings.proxy_for(item.url);
        item.ca_file = settings.ca_file;
        item.digest = choice.digest;
        item.size = choice.size;
        items.push_back(std::move(item));
    }
    OSIEKIT_ASSIGN(auto paths, fetch_all(cache, items, fetch_options()));
    std::vector<LocatedPackage> located;
    for (std::size_t i = 0; i < choices.size(); ++i)
        located.push_back({choices[i].name, choices[i].version, choices[i].architecture,
                           choices[i].digest, choices[i].size, paths[i],
                           without_credentials(items[i].url)});
    return located;
}

Result<std::vector<LocatedPackage>> DebianRepository::State::obtain(
    const std::vector<std::string>& names, const Dependencies& dependencies, bool refresh,
    bool& may_retry) {
    OSIEKIT_ASSIGN(Snapshot snapshot, read_releases(refresh));
    may_retry = !options.offline && !snapshot.all_asked;
    OSIEKIT_ASSIGN(auto choices, choose(snapshot, names, dependencies));
    return fetch(choices);
}

DebianRepository::DebianRepository(std::unique_ptr<State> state) : state_(std::move(state)) {}
DebianRepository::DebianRepository(DebianRepository&&) noexcept = default;
DebianRepository& DebianRepository::operator=(DebianRepository&&) noexcept = default;
DebianRepository::~DebianRepository() = default;

const std::vector<std::string>& DebianRepository::warnings() const {
    return state_->warnings;
}

Result<DebianRepository> DebianRepository::open(Options options) {
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
    return DebianRepository(std::move(state));
}

Result<std::vector<LocatedPackage>> DebianRepository::obtain(const std::vector<std::string>& names,
                                                             const Dependencies& dependencies) {
    bool may_retry = false;
    auto located = state_->obtain(names, dependencies, false, may_retry);
    if (located || !may_retry || !may_be_outdated(located.error().kind())) return located;
    return state_->obtain(names, dependencies, true, may_retry);
}

}  // namespace osiekit::builder
