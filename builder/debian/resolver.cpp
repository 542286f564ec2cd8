#include "builder/debian/resolver.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <unordered_map>

#include "builder/debian/relation.hpp"
#include "builder/debian/version.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {
namespace {

// From a named package to the deepest; whole desktops stay below 120.
constexpr std::size_t depth_limit = 250;
// Relations looked at, those of undone choices included.
constexpr std::size_t work_limit = 1'000'000;

std::string describe(const PackageRecord& record) {
    return std::string(record.name) + " " + std::string(record.version);
}

class Resolver {
  public:
    Resolver(const PackageIndex& index, const PackageQuery& query)
        : index_(index), dependencies_(query.dependencies) {
        for (const PackageRequest& request : query.exclude) excluded_.insert(request.name);
        for (const PackageRequest& request : query.no_deps)
            alone_.insert(std::string_view(request.name).substr(0, request.name.find('=')));
    }

    Status request(const PackageRequest& wanted);
    std::vector<const PackageRecord*> chosen() const { return order_; }

  private:
    Status choose(const PackageRecord& record);
    Status follow(const PackageRecord& record, std::string_view relations);
    Status satisfy(const PackageRecord& wanting, const AtomAlternatives& alternatives);
    Status try_atom(const PackageAtom& atom);
    bool satisfied(const PackageAtom& atom) const;
    void undo(std::size_t mark);
    Error missing(const PackageAtom& atom) const;
    std::string chain() const;

    static bool matches_architecture(const PackageAtom& atom, const PackageRecord& record) {
        return atom.architecture.empty() || atom.architecture == "any" ||
               atom.architecture == "native" || record.architecture == "all" ||
               atom.architecture == record.architecture;
    }

    const PackageIndex& index_;
    const Dependencies& dependencies_;
    std::set<std::string_view> excluded_;
    std::set<std::string_view> alone_;  // whose dependencies do not matter
    std::string asked_;                 // where the present request was written
    std::unordered_map<std::string_view, const PackageRecord*> by_name_;
    std::vector<const PackageRecord*> order_;
    std::vector<std::string> wanting_;  // from the named package to the present one
    std::unordered_map<const PackageRecord*, Error> hopeless_;
    std::size_t work_ = 0;
    std::size_t clashes_ = 0;
};

Status Resolver::request(const PackageRequest& wanted) {
    const std::string& text = wanted.name;
    asked_ = wanted.where;
    PackageAtom atom;
    std::string_view view = text;
    std::size_t at = view.find('=');
    atom.name = view.substr(0, at);
    if (at != std::string_view::npos) {
        atom.relation = VersionRelation::equal;
        atom.version = view.substr(at + 1);
    }
    if (!valid_package_name(atom.name) || (at != std::string_view::npos && atom.version.empty()))
        return Error(ErrorKind::invalid_input,
                     "\"" + printable(text, 80) + "\" is not a package name")
            .hint("NAME or NAME=VERSION is expected");
    if (index_.named(atom.name).empty()) {
        const auto& providers = index_.providers(atom.name);
        if (!providers.empty()) {
            std::vector<std::string> names;
            for (const auto& provider : providers)
                if (names.empty() || names.back() != provider.package->name)
                    names.emplace_back(provider.package->name);
            if (names.size() > 1)
                return Error(ErrorKind::not_found,
                             "\"" + std::string(atom.name) + "\" is a virtual package")
                    .hint("name one of its providers: " + join(names, ", "));
        }
    }
    wanting_.clear();
    return try_atom(atom);
}

std::string Resolver::chain() const {
    std::string text;
    for (auto it = wanting_.rbegin(); it != wanting_.rend(); ++it) text += ", wanted by " + *it;
    if (!asked_.empty()) return text + ", wanted by " + asked_;
    if (!wanting_.empty()) text += ", which was asked for";
    return text;
}

Error Resolver::missing(const PackageAtom& atom) const {
    std::string subject = "package " + atom.to_string();
    const auto& same_name = index_.named(atom.name);
    if (!same_name.empty())
        return Error(ErrorKind::not_found, subject + " cannot be found" + chain())
            .hint("the newest " + std::string(atom.name) + " in the configured sources is " +
                  std::string(same_name.front()->version));
    Error error(ErrorKind::not_found,
                subject + " does not exist in the configured sources" + chain());
    if (auto near = nearest(atom.name, index_.names()))
        return std::move(error).hint("did you mean \"" + *near + "\"?");
    return std::move(error).hint(
        "check the name, and the components and suites of the host's apt sources");
}

bool Resolver::satisfied(const PackageAtom& atom) const {
    auto it = by_name_.find(atom.name);
    if (it != by_name_.end() && matches_architecture(atom, *it->second) &&
        atom.accepts(it->second->version))
        return true;
    for (const auto& provider : index_.providers(atom.name)) {
        auto chosen = by_name_.find(provider.package->name);
        if (chosen == by_name_.end() || chosen->second != provider.package) continue;
        if (atom.relation == VersionRelation::any) return true;
        if (!provider.version.empty() && atom.accepts(provider.version)) return true;
    }
    return false;
}

void Resolver::undo(std::size_t mark) {
    while (order_.size() > mark) {
        by_name_.erase(order_.back()->name);
        order_.pop_back();
    }
}

// Takes the best package for an atom together with all that it needs.
Status Resolver::try_atom(const PackageAtom& atom) {
    if (satisfied(atom)) return {};
    std::vector<const PackageRecord*> candidates;
    for (const PackageRecord* record : index_.named(atom.name))
        if (matches_architecture(atom, *record) && atom.accepts(record->version))
            candidates.push_back(record);
    for (const auto& provider : index_.providers(atom.name))
        if (atom.relation == VersionRelation::any ||
            (!provider.version.empty() && atom.accepts(provider.version)))
            candidates.push_back(provider.package);
    auto excluded = [&](const PackageRecord* record) { return excluded_.count(record->name) != 0; };
    bool waived = std::any_of(candidates.begin(), candidates.end(), excluded);
    std::optional<Error> first;
    for (const PackageRecord* candidate : candidates) {
        if (excluded(candidate)) continue;
        std::size_t mark = order_.size();
        Status done = choose(*candidate);
        if (done || done.error().kind() == ErrorKind::limit) return done;
        undo(mark);
        if (!first) first = std::move(done).error();
    }
    if (first) return std::move(*first);
    if (waived) return {};
    return missing(atom);
}

Status Resolver::choose(const PackageRecord& record) {
    if (auto known = hopeless_.find(&record); known != hopeless_.end()) return known->second;
    auto other = by_name_.find(record.name);
    if (other != by_name_.end()) {
        if (other->second == &record) return {};
        ++clashes_;
        return Error(ErrorKind::not_found, describe(record) + " is needed, but " +
                                               describe(*other->second) + " is chosen already" +
                                               chain());
    }
    if (wanting_.size() >= depth_limit)
        return Error(ErrorKind::limit, "dependencies are more than " + std::to_string(depth_limit) +
                                           " packages deep");
    by_name_[record.name] = &record;
    order_.push_back(&record);
    wanting_.push_back(describe(record));
    std::size_t clashes_before = clashes_;
    Status done = follow(record, record.pre_depends);
    if (done) done = follow(record, record.depends);
    wanting_.pop_back();
    // What fails in every state is not tried again; a clash of versions depends on the state.
    if (!done && clashes_ == clashes_before) hopeless_.emplace(&record, done.error());
    return done;
}

Status Resolver::follow(const PackageRecord& record, std::string_view relations) {
    if (relations.empty() || !dependencies_.any() || alone_.count(record.name) != 0) return {};
    auto groups = parse_relations(relations);
    if (!groups)
        return std::move(groups).error().context("the dependencies of " + describe(record));
    for (const AtomAlternatives& alternatives : *groups) OSIEKIT_TRY(satisfy(record, alternatives));
    return {};
}

Status Resolver::satisfy(const PackageRecord& wanting, const AtomAlternatives& alternatives) {
    if (++work_ > work_limit)
        return Error(ErrorKind::limit, "the dependencies of " + describe(wanting) +
                                           " are too entangled to be resolved");
    AtomAlternatives followed;
    for (const PackageAtom& atom : alternatives)
        if (dependencies_.follow(atom.name)) followed.push_back(atom);
    if (followed.empty()) return {};
    for (const PackageAtom& atom : followed)
        if (satisfied(atom)) return {};
    std::optional<Error> first;
    for (const PackageAtom& atom : followed) {
        Status done = try_atom(atom);
        if (done) return {};
        if (done.error().kind() == ErrorKind::limit) return done;
        if (!first) first = std::move(done).error();
    }
    return std::move(*first);
}

}  // namespace

Result<std::vector<const PackageRecord*>> resolve(const PackageIndex& index,
                                                  const PackageQuery& query) {
    Resolver resolver(index, query);
    for (const auto* list : {&query.no_deps, &query.packages})
        for (const PackageRequest& request : *list) OSIEKIT_TRY(resolver.request(request));
    auto chosen = resolver.chosen();
    std::sort(chosen.begin(), chosen.end(),
              [](const auto* a, const auto* b) { return a->name < b->name; });
    return chosen;
}

}  // namespace osiekit::builder
