#include "builder/debian/candidates.hpp"

#include <algorithm>
#include <utility>

#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

std::string text_of(const AtomAlternatives& atoms) {
    std::string text;
    for (const PackageAtom& atom : atoms) text += (text.empty() ? "" : " | ") + atom.to_string();
    return text;
}

void add_once(std::vector<const PackageRecord*>& list, const PackageRecord* record) {
    if (std::find(list.begin(), list.end(), record) == list.end()) list.push_back(record);
}

Error bad_request(std::string_view text) {
    return Error(ErrorKind::invalid_input, "\"" + printable(text, 80) + "\" is not a package name")
        .hint("NAME, NAME=VERSION or NAME/SUITE is expected");
}

bool of_suite(const IndexOrigin& origin, std::string_view suite) {
    const auto& aliases = origin.aliases;
    return origin.suite == suite ||
           std::find(aliases.begin(), aliases.end(), suite) != aliases.end();
}

}  // namespace

std::string_view requested_name(std::string_view request) {
    return request.substr(0, request.find_first_of("=/"));
}

bool fits_architecture(const PackageAtom& atom, const PackageRecord& record) {
    if (atom.architecture.empty() || atom.architecture == "native") return true;
    if (atom.architecture == "any") return record.multi_arch == "allowed";
    return record.architecture == "all" || record.architecture == atom.architecture;
}

Candidates::Candidates(const PackageIndex& index, const PackageQuery& query)
    : index_(index), query_(query) {
    for (const PackageRequest& request : query.exclude) excluded_.insert(request.name);
    for (const PackageRequest& request : query.no_deps) alone_.insert(requested_name(request.name));
}

std::vector<const PackageRecord*> Candidates::accepted(const PackageAtom& atom) const {
    std::vector<const PackageRecord*> found;
    for (const PackageRecord* record : index_.named(atom.name))
        if (fits_architecture(atom, *record) && atom.accepts(record->version))
            add_once(found, record);
    for (const auto& provider : index_.providers(atom.name)) {
        bool versioned = atom.relation != VersionRelation::any;
        if (versioned && (provider.version.empty() || !atom.accepts(provider.version))) continue;
        if (fits_architecture(atom, *provider.package)) add_once(found, provider.package);
    }
    return found;
}

// Fills in the candidates of a want's atoms.
void Candidates::find(PackageWant& want) const {
    bool waived = false;
    for (const PackageAtom& atom : want.atoms)
        for (const PackageRecord* record : accepted(atom)) {
            bool excluded = excluded_.count(record->name) != 0;
            waived = waived || excluded;
            if (!excluded) add_once(want.candidates, record);
        }
    auto rank = [&](const PackageRecord* record) {
        auto kept = query_.prefer.find(record->name);
        if (kept == query_.prefer.end()) return 2;
        return kept->second == record->version ? 0 : 1;
    };
    if (!query_.prefer.empty())
        std::stable_sort(
            want.candidates.begin(), want.candidates.end(),
            [&](const PackageRecord* a, const PackageRecord* b) { return rank(a) < rank(b); });
    want.single = std::all_of(
        want.candidates.begin(), want.candidates.end(),
        [&](const PackageRecord* record) { return record->name == want.candidates.front()->name; });
    if (waived) want.candidates.push_back(nullptr);
}

Result<PackageWant> Candidates::request(const PackageRequest& asked) const {
    std::string_view text = asked.name;
    PackageAtom atom;
    atom.name = requested_name(text);
    std::string_view rest = text.substr(atom.name.size());
    if (!valid_package_name(atom.name) || rest.size() == 1) return bad_request(text);
    std::string_view suite;
    if (rest.starts_with('=')) {
        atom.relation = VersionRelation::equal;
        atom.version = rest.substr(1);
    } else if (rest.starts_with('/')) {
        suite = rest.substr(1);
    }
    if (index_.named(atom.name).empty()) {
        std::vector<std::string> names;
        for (const auto& provider : index_.providers(atom.name))
            if (names.empty() || names.back() != provider.package->name)
                names.emplace_back(provider.package->name);
        if (names.size() > 1)
            return Error(ErrorKind::not_found,
                         "\"" + std::string(atom.name) + "\" is a virtual package")
                .hint("name one of its providers: " + join(names, ", "));
    }
    PackageWant want;
    want.text = text;
    want.where = asked.where;
    want.atoms = {atom};
    find(want);
    // What was asked for by its own name is not fulfilled by a package that provides it, and asking
    // for what is excluded asks for nothing.
    bool real = !index_.named(atom.name).empty();
    std::erase_if(want.candidates, [&](const PackageRecord* record) {
        return record != nullptr && ((real && record->name != atom.name) ||
                                     (!suite.empty() && !of_suite(index_.origin(*record), suite)));
    });
    return want;
}

Result<PackageRelations> Candidates::read_relations(const PackageRecord& record) const {
    PackageRelations result;
    if (auto provisions = parse_relations(record.provides))
        for (const AtomAlternatives& provision : *provisions)
            if (provision.size() == 1) result.provisions.push_back(provision[0]);
    if (!query_.dependencies.any() || alone_.count(record.name) != 0) return result;
    for (const auto& [field, text] :
         {std::pair<std::string_view, std::string_view>{"Conflicts", record.conflicts},
          {"Breaks", record.breaks}}) {
        OSIEKIT_ASSIGN(auto groups, parse_relations(text));
        for (const AtomAlternatives& group : groups)
            for (const PackageAtom& atom : group) result.bans.push_back({field, atom});
    }
    for (const auto& [how, text] :
         {std::pair<std::string_view, std::string_view>{"pre-depends on", record.pre_depends},
          {"depends on", record.depends}}) {
        OSIEKIT_ASSIGN(auto groups, parse_relations(text));
        for (AtomAlternatives& group : groups) {
            std::erase_if(group, [&](const PackageAtom& atom) {
                return !query_.dependencies.follow(atom.name);
            });
            if (group.empty()) continue;
            PackageWant want;
            want.text = text_of(group);
            want.how = how;
            want.atoms = std::move(group);
            find(want);
            result.wants.push_back(std::move(want));
        }
    }
    return result;
}

const Result<PackageRelations>& Candidates::relations(const PackageRecord& record) {
    auto found = relations_.find(&record);
    if (found == relations_.end())
        found = relations_.emplace(&record, read_relations(record)).first;
    return found->second;
}

}  // namespace osiekit::builder
