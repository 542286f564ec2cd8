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
constexpr std::size_t nobody = static_cast<std::size_t>(-1);

struct Want {
    Atom atom;
    std::size_t by = nobody;  // position in chosen_
    std::string_view where;   // of nobody's: where the profile says so
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
        : index_(index), dependencies_(query.dependencies) {}

    Status begin(const PackageQuery& query);
    bool add_conditional();
    Status run();
    std::vector<const Record*> chosen() const;

  private:
    bool solve(std::size_t at);
    bool satisfied(const Atom& atom) const;
    bool holds(const Record& record, const Atom& atom) const;
    std::vector<const Record*> candidates(const Want& want);
    std::optional<Error> obstacle(const Record& record, const Want& want) const;
    std::optional<Error> clash(const Record& record, const Want& want) const;
    std::optional<Error> take(const Record& record, const Want& want);
    void undo(std::size_t chosen, std::size_t wants, std::size_t bans);
    void fail(Error error);
    Error missing(const Want& want) const;
    std::string chain(const Want& want) const;

    const Index& index_;
    const Dependencies& dependencies_;
    std::set<std::string_view> excluded_;
    std::set<std::string_view> alone_;  // whose dependencies do not matter
    std::vector<Want> pins_;
    std::vector<Want> wants_;
    std::vector<Want> bans_;
    std::vector<Chosen> chosen_;
    std::unordered_map<const Record*, std::size_t> position_;
    std::optional<Error> first_failure_;
    std::size_t work_ = 0;
};

Status Resolver::begin(const PackageQuery& query) {
    for (const PackageRequest& request : query.exclude) excluded_.insert(request.name);
    for (const auto* list : {&query.no_deps, &query.packages}) {
        for (const PackageRequest& request : *list) {
            auto atom = parse_atom(request.name);
            if (!atom) return std::move(atom).error().context(request.where);
            if (list == &query.no_deps) alone_.insert(atom->name);
            if (atom->conflict) {
                bans_.push_back({*atom, nobody, request.where});
            } else {
                wants_.push_back({*atom, nobody, request.where});
                if (!atom->any_version()) pins_.push_back({*atom, nobody, request.where});
            }
        }
    }
    return {};
}

std::string Resolver::chain(const Want& want) const {
    std::string text;
    const Want* one = &want;
    for (; one->by != nobody; one = &chosen_[one->by].want)
        text += ", wanted by " + describe(*chosen_[one->by].record);
    if (one->where.empty()) return text + ", which was asked for";
    return text + ", wanted by " + std::string(one->where);
}

// The version under which a record has a name: its own or that of a provision.
bool Resolver::holds(const Record& record, const Atom& atom) const {
    for (const auto& candidate : index_.named(atom.name))
        if (candidate.record == &record && atom.accepts(candidate.version, record.identity))
            return true;
    return false;
}

bool Resolver::satisfied(const Atom& atom) const {
    if (excluded_.count(atom.name) != 0) return true;
    const auto& named = index_.named(atom.name);
    return std::any_of(named.begin(), named.end(), [&](const auto& candidate) {
        return position_.count(candidate.record) != 0 &&
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
            return Error(ErrorKind::refused,
                         describe(record) + chain(want) + ", and " + describe(*other.record) +
                             chain(chosen_[found->second].want) + ", cannot both have the name \"" +
                             std::string(name) + "\"");
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
        if (pin.atom.name == record.name && !holds(record, pin.atom))
            return Error(ErrorKind::refused, describe(record) + " is needed" + chain(want) +
                                                 ", but \"" + pin.atom.to_string() +
                                                 "\" was asked for");
    if (!dependencies_.any()) return std::nullopt;
    for (const Want& ban : bans_)
        if (holds(record, ban.atom) && (ban.by == nobody || chosen_[ban.by].record != &record))
            return Error(
                ErrorKind::refused,
                describe(record) + " is needed" + chain(want) + ", but \"" + ban.atom.to_string() +
                    "\" " +
                    (ban.by == nobody ? "was asked for"
                                      : "is stated by " + describe(*chosen_[ban.by].record) +
                                            chain(chosen_[ban.by].want)));
    return clash(record, want);
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
                return Error(ErrorKind::refused, describe(*other.record) + chain(other.want) +
                                                     ", conflicts with " + describe(record) +
                                                     chain(want) + ": that one states \"" +
                                                     atom->to_string() + "\"");
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

void Resolver::fail(Error error) {
    // Of the best choices; later ones are second best and puzzle the reader.
    if (!first_failure_) first_failure_ = std::move(error);
}

Error Resolver::missing(const Want& want) const {
    const auto& named = index_.named(want.atom.name);
    std::string subject = "package " + want.atom.to_string();
    if (named.empty()) {
        Error error(ErrorKind::not_found,
                    subject + " does not exist in the given repositories" + chain(want));
        if (auto near = nearest(want.atom.name, index_.names()))
            return std::move(error).hint("did you mean \"" + *near + "\"?");
        return std::move(error).hint("check the name, and the branch and the repositories");
    }
    std::vector<std::string> offers;
    for (const auto& candidate : named) {
        std::string offer = describe(*candidate.record);
        if (offers.size() < 8 && std::find(offers.begin(), offers.end(), offer) == offers.end())
            offers.push_back(std::move(offer));
    }
    bool unversioned = want.atom.any_version();
    return Error(ErrorKind::not_found,
                 subject +
                     (unversioned ? " is a virtual name that nothing fills by itself"
                                  : " cannot be found") +
                     chain(want))
        .hint(unversioned ? "name one of its providers: " + join(offers, ", ")
                          : "there is: " + join(offers, ", "));
}

// Best first. A virtual name without a version is filled by providers with a priority only.
std::vector<const Record*> Resolver::candidates(const Want& want) {
    std::vector<const Record*> found;
    for (const auto& candidate : index_.named(want.atom.name)) {
        const Record* record = candidate.record;
        if (!want.atom.accepts(candidate.version, record->identity)) continue;
        if (candidate.version.empty() && record->priority == 0) continue;
        if (excluded_.count(record->name) != 0) continue;
        if (std::find(found.begin(), found.end(), record) == found.end()) found.push_back(record);
    }
    if (found.empty()) fail(missing(want));
    return found;
}

// Satisfies wants_[at] and all that follow.
bool Resolver::solve(std::size_t at) {
    while (at < wants_.size() && satisfied(wants_[at].atom)) ++at;
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
    return *first_failure_;
}

// One package whose install_if holds now; false if there is none.
bool Resolver::add_conditional() {
    for (const Record* record : index_.conditional()) {
        if (position_.count(record) != 0 || excluded_.count(record->name) != 0) continue;
        bool all = true;
        for (std::string_view word : split_words(record->install_if)) {
            auto atom = parse_atom(word);
            all = all && atom && satisfied(*atom) != atom->conflict;
        }
        const Want want{{}, nobody, "its install_if"};
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
