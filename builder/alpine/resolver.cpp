#include "builder/alpine/resolver.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <unordered_map>

#include "builder/alpine/atom.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder::alpine {
namespace {

// Choices tried, those undone included; a set that nobody can satisfy is given up then.
constexpr std::size_t work_limit = 20'000;
// Packages of one image; each is one level of the recursion.
constexpr std::size_t chosen_limit = 4'000;
// Packages of one name in a message.
constexpr std::size_t most_shown = 8;
constexpr std::size_t nobody = static_cast<std::size_t>(-1);

struct Want {
    Atom atom;
    std::size_t by = nobody;           // position in chosen_
    std::string_view where;            // of nobody's: where the profile says so
    std::string_view repository = {};  // "name@repository"; empty: any
};

struct Chosen {
    const Record* record;
    Want want;  // the first for which it was chosen
};

std::string describe(const Record& record) {
    return std::string(record.name) + " " + std::string(record.version);
}

class Resolver {
  public:
    Resolver(const Index& index, const PackageQuery& query)
        : index_(index), query_(query), dependencies_(query.dependencies) {}

    Status begin(const PackageQuery& query);
    bool add_conditional();
    Status run();
    std::vector<const Record*> chosen() const;

  private:
    bool solve(std::size_t at);
    Status read_request(const PackageRequest& request, bool alone);
    bool satisfied(const Want& want) const;
    bool from(const Record& record, std::string_view repository) const {
        return repository.empty() || index_.repositories()[record.repository] == repository;
    }
    void prefer_kept(std::vector<const Record*>& records) const;
    bool holds(const Record& record, const Atom& atom) const;
    std::vector<const Record*> candidates(const Want& want);
    std::optional<Error> obstacle(const Record& record, const Want& want) const;
    std::optional<Error> clash(const Record& record, const Want& want) const;
    Error conflict(const Record& record, const Want& want, const Record& stating,
                   const Want& its_want, const Atom& ban) const;
    std::optional<Error> take(const Record& record, const Want& want);
    void undo(std::size_t chosen, std::size_t wants, std::size_t bans);
    void fail(Error error);
    Error missing(const Want& want) const;
    std::string chain(const Want& want) const;

    const Index& index_;
    const PackageQuery& query_;
    const Dependencies& dependencies_;
    std::set<std::string_view> excluded_;
    std::set<std::string_view> alone_;  // whose dependencies do not matter
    std::vector<Want> pins_;
    std::vector<Want> wants_;
    std::vector<Want> bans_;
    std::vector<Chosen> chosen_;
    std::unordered_map<const Record*, std::size_t> position_;
    std::optional<Error> failure_;
    std::size_t failure_depth_ = 0;
    std::size_t work_ = 0;
};

Status Resolver::read_request(const PackageRequest& request, bool alone) {
    std::string_view text = request.name;
    std::size_t at = text.find('@');
    std::string_view repository = at == std::string_view::npos ? "" : text.substr(at + 1);
    auto atom = parse_atom(text.substr(0, at));
    if (!atom) {
        Error error = std::move(atom).error();
        return request.where.empty() ? std::move(error) : std::move(error).context(request.where);
    }
    const auto& known = index_.repositories();
    if (at != std::string_view::npos &&
        std::find(known.begin(), known.end(), repository) == known.end())
        return Error(ErrorKind::invalid_input, (request.where.empty() ? "" : request.where + ": ") +
                                                   "\"" + printable(text, 80) +
                                                   "\" names no repository of this profile")
            .hint("it has: " + join(known, ", "));
    if (alone) alone_.insert(atom->name);
    Want want{*atom, nobody, request.where, repository};
    if (atom->conflict) {
        bans_.push_back(want);
        return {};
    }
    wants_.push_back(want);
    if (!atom->any_version() || !repository.empty()) pins_.push_back(want);
    return {};
}

Status Resolver::begin(const PackageQuery& query) {
    for (const PackageRequest& request : query.exclude) excluded_.insert(request.name);
    for (const auto* list : {&query.no_deps, &query.packages})
        for (const PackageRequest& request : *list)
            OSIEKIT_TRY(read_request(request, list == &query.no_deps));
    return {};
}

// "site.yaml:3 asks for a -> a 1.0 depends on b>2": who wants it, from the profile on.
std::string Resolver::chain(const Want& want) const {
    std::string text = want.atom.to_string();
    if (want.by != nobody) {
        const Chosen& wanting = chosen_[want.by];
        return chain(wanting.want) + " -> " + describe(*wanting.record) + " depends on " + text;
    }
    if (!want.repository.empty()) text += "@" + std::string(want.repository);
    if (want.where.empty()) return text + " was asked for";
    return std::string(want.where) + " asks for " + text;
}

// The version under which a record has a name: its own or that of a provision.
bool Resolver::holds(const Record& record, const Atom& atom) const {
    for (const auto& candidate : index_.named(atom.name))
        if (candidate.record == &record && atom.accepts(candidate.version, record.identity))
            return true;
    return false;
}

bool Resolver::satisfied(const Want& want) const {
    const Atom& atom = want.atom;
    if (excluded_.count(atom.name) != 0) return true;
    const auto& named = index_.named(atom.name);
    return std::any_of(named.begin(), named.end(), [&](const auto& candidate) {
        return position_.count(candidate.record) != 0 && from(*candidate.record, want.repository) &&
               atom.accepts(candidate.version, candidate.record->identity);
    });
}

// Two packages that own one name, by their own name or by a provision with a version.
std::optional<Error> Resolver::clash(const Record& record, const Want& want) const {
    auto against = [&](std::string_view name) -> std::optional<Error> {
        for (const auto& other : index_.named(name)) {
            auto found = position_.find(other.record);
            if (found == position_.end() || other.record == &record || other.version.empty())
                continue;
            return Error(ErrorKind::refused, describe(record) + " and " + describe(*other.record) +
                                                 " exclude each other: both have the name \"" +
                                                 std::string(name) + "\"; " + chain(want) + "; " +
                                                 chain(chosen_[found->second].want));
        }
        return std::nullopt;
    };
    if (auto error = against(record.name)) return error;
    for (std::string_view word : split_words(record.provides)) {
        auto atom = parse_atom(word);
        if (!atom || atom->version.empty()) continue;
        if (auto error = against(atom->name)) return error;
    }
    return std::nullopt;
}

// Why a record cannot join those that are chosen.
std::optional<Error> Resolver::obstacle(const Record& record, const Want& want) const {
    for (const Want& pin : pins_)
        if (pin.atom.name == record.name &&
            (!holds(record, pin.atom) || !from(record, pin.repository)))
            return Error(ErrorKind::refused, describe(record) + " is not what was asked for: " +
                                                 chain(want) + "; " + chain(pin));
    if (!dependencies_.any()) return std::nullopt;
    for (const Want& ban : bans_) {
        if (!holds(record, ban.atom)) continue;
        if (ban.by == nobody)
            return Error(ErrorKind::refused, describe(record) + " is to be kept away: " +
                                                 chain(ban) + "; " + chain(want));
        const Chosen& stating = chosen_[ban.by];
        if (stating.record != &record)
            return conflict(record, want, *stating.record, stating.want, ban.atom);
    }
    return clash(record, want);
}

Error Resolver::conflict(const Record& record, const Want& want, const Record& stating,
                         const Want& its_want, const Atom& ban) const {
    return Error(ErrorKind::refused, describe(record) + " and " + describe(stating) +
                                         " exclude each other: " + describe(stating) + " says \"" +
                                         ban.to_string() + "\"; " + chain(want) + "; " +
                                         chain(its_want));
}

// Takes a record and notes what it wants and what it bans.
std::optional<Error> Resolver::take(const Record& record, const Want& want) {
    if (auto error = obstacle(record, want)) return error;
    std::size_t self = chosen_.size();
    chosen_.push_back({&record, want});
    position_[&record] = self;
    if (!dependencies_.any() || alone_.count(record.name) != 0) return std::nullopt;
    for (std::string_view word : split_words(record.depends)) {
        auto atom = parse_atom(word);
        if (!atom)
            return std::move(atom).error().context("the dependencies of " + describe(record));
        if (!atom->conflict) {
            if (dependencies_.follow(atom->name)) wants_.push_back({*atom, self, {}});
            continue;
        }
        bans_.push_back({*atom, self, {}});
        for (const Chosen& other : chosen_)
            if (other.record != &record && holds(*other.record, *atom))
                return conflict(*other.record, other.want, record, want, *atom);
    }
    return std::nullopt;
}

void Resolver::undo(std::size_t chosen, std::size_t wants, std::size_t bans) {
    while (chosen_.size() > chosen) {
        position_.erase(chosen_.back().record);
        chosen_.pop_back();
    }
    wants_.resize(wants);
    bans_.resize(bans);
}

// What is told is what came furthest, and of the best choices: later ones are second best and
// puzzle the reader.
void Resolver::fail(Error error) {
    bool final = error.kind() == ErrorKind::limit;
    if (failure_ && !final && chosen_.size() <= failure_depth_) return;
    failure_ = std::move(error);
    failure_depth_ = chosen_.size();
}

Error Resolver::missing(const Want& want) const {
    const auto& named = index_.named(want.atom.name);
    std::string subject = "package " + want.atom.to_string();
    // A request's chain says no more than the subject.
    std::string whole = want.by == nobody && want.where.empty() ? "" : ": " + chain(want);
    if (named.empty()) {
        Error error(ErrorKind::not_found,
                    subject + " does not exist in the given repositories" + whole);
        if (auto near = nearest(want.atom.name, index_.names()))
            return std::move(error).hint("did you mean \"" + *near + "\"?");
        return std::move(error).hint("check the name, and the branch and the repositories");
    }
    std::vector<std::string> names;
    std::vector<std::string> there;
    for (const auto& candidate : named) {
        const Record& record = *candidate.record;
        const std::string& repository = index_.repositories()[record.repository];
        std::string offer = describe(record);
        if (record.name != want.atom.name)
            offer += " provides " + std::string(want.atom.name) +
                     (candidate.version.empty() ? "" : "=" + std::string(candidate.version));
        else
            offer += " is there";
        if (!repository.empty()) offer += ", from " + repository;
        if (there.size() >= most_shown ||
            std::find(there.begin(), there.end(), offer) != there.end())
            continue;
        there.push_back(std::move(offer));
        names.emplace_back(record.name);
    }
    if (want.atom.any_version() && want.repository.empty())
        return Error(ErrorKind::not_found,
                     subject + " is a virtual name that nothing fills by itself" + whole)
            .hint("name one of its providers: " + join(names, ", "));
    return Error(ErrorKind::not_found,
                 subject + " cannot be found" + whole + "; " + join(there, ", "));
}

void Resolver::prefer_kept(std::vector<const Record*>& records) const {
    auto rank = [&](const Record* record) {
        auto kept = query_.prefer.find(record->name);
        if (kept == query_.prefer.end()) return 2;
        return kept->second == record->version ? 0 : 1;
    };
    if (!query_.prefer.empty())
        std::stable_sort(records.begin(), records.end(),
                         [&](const Record* a, const Record* b) { return rank(a) < rank(b); });
}

// Best first. A virtual name without a version is filled by providers with a priority only.
std::vector<const Record*> Resolver::candidates(const Want& want) {
    std::vector<const Record*> found;
    for (const auto& candidate : index_.named(want.atom.name)) {
        const Record* record = candidate.record;
        if (!want.atom.accepts(candidate.version, record->identity)) continue;
        if (candidate.version.empty() && record->priority == 0) continue;
        if (excluded_.count(record->name) != 0 || !from(*record, want.repository)) continue;
        if (std::find(found.begin(), found.end(), record) == found.end()) found.push_back(record);
    }
    if (found.empty()) fail(missing(want));
    prefer_kept(found);
    return found;
}

// Satisfies wants_[at] and all that follow.
bool Resolver::solve(std::size_t at) {
    while (at < wants_.size() && satisfied(wants_[at])) ++at;
    if (at == wants_.size()) return true;
    Want want = wants_[at];
    for (const Record* record : candidates(want)) {
        if (++work_ > work_limit || chosen_.size() >= chosen_limit) {
            fail(Error(ErrorKind::limit, "the dependencies are too entangled to be resolved"));
            return false;
        }
        std::size_t chosen = chosen_.size();
        std::size_t wants = wants_.size();
        std::size_t bans = bans_.size();
        auto error = take(*record, want);
        if (!error && solve(at + 1)) return true;
        if (error) fail(std::move(*error));
        undo(chosen, wants, bans);
    }
    return false;
}

Status Resolver::run() {
    if (solve(0)) return {};
    return *failure_;
}

// One package whose install_if holds now; false if there is none.
bool Resolver::add_conditional() {
    for (const Record* record : index_.conditional()) {
        if (position_.count(record) != 0 || excluded_.count(record->name) != 0) continue;
        bool all = true;
        for (std::string_view word : split_words(record->install_if)) {
            auto atom = parse_atom(word);
            all = all && atom && satisfied({*atom, nobody, {}}) != atom->conflict;
        }
        Want want{{}, nobody, "its install_if"};
        want.atom.name = record->name;
        if (!all || obstacle(*record, want)) continue;
        std::size_t chosen = chosen_.size();
        std::size_t wants = wants_.size();
        std::size_t bans = bans_.size();
        if (!take(*record, want) && solve(wants)) return true;
        undo(chosen, wants, bans);
    }
    return false;
}

std::vector<const Record*> Resolver::chosen() const {
    std::vector<const Record*> records;
    records.reserve(chosen_.size());
    for (const Chosen& chosen : chosen_) records.push_back(chosen.record);
    std::sort(records.begin(), records.end(),
              [](const Record* a, const Record* b) { return a->name < b->name; });
    return records;
}

}  // namespace

Result<std::vector<const Record*>> resolve(const Index& index, const PackageQuery& query) {
    Resolver resolver(index, query);
    OSIEKIT_TRY(resolver.begin(query));
    OSIEKIT_TRY(resolver.run());
    while (query.dependencies.any() && resolver.add_conditional()) {
    }
    return resolver.chosen();
}

}  // namespace osiekit::builder::alpine
