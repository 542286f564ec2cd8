#include "builder/debian/choices.hpp"

#include <algorithm>

#include "lib/base/text.hpp"

namespace osiekit::builder {

namespace {

// Of one name in a message.
constexpr std::size_t most_shown = 4;

// Does the ban concern somebody who has the name in this version ("": by a provision without one)?
bool concerns(const PackageAtom& ban, std::string_view version, const PackageRecord& record) {
    if (!ban.architecture.empty() && ban.architecture != "any" && ban.architecture != "native" &&
        record.architecture != "all" && ban.architecture != record.architecture)
        return false;
    return ban.relation == VersionRelation::any || (!version.empty() && ban.accepts(version));
}

}  // namespace

std::string describe(const PackageRecord& record) {
    return std::string(record.name) + " " + std::string(record.version);
}

std::optional<std::size_t> Choices::satisfying(const PackageWant& want) const {
    for (const PackageRecord* record : want.candidates) {
        if (record == nullptr) continue;
        auto found = by_name_.find(record->name);
        if (found != by_name_.end() && choices_[found->second].record == record)
            return found->second;
    }
    return std::nullopt;
}

std::optional<Choices::Obstacle> Choices::obstacle(const PackageRecord& record,
                                                   const PackageRelations& relations) const {
    auto same = by_name_.find(record.name);
    if (same != by_name_.end()) return Obstacle{same->second, nullptr, false};
    auto banned = [&](std::string_view name, std::string_view version) -> std::optional<Obstacle> {
        auto found = bans_.find(name);
        if (found == bans_.end()) return std::nullopt;
        for (const Ban& ban : found->second)
            if (concerns(ban.ban->atom, version, record))
                return Obstacle{ban.choice, ban.ban, false};
        return std::nullopt;
    };
    if (auto obstacle = banned(record.name, record.version)) return obstacle;
    for (const PackageAtom& provision : relations.provisions)
        if (auto obstacle = banned(provision.name, provision.version)) return obstacle;
    for (const PackageBan& ban : relations.bans) {
        auto named = by_name_.find(ban.atom.name);
        if (named != by_name_.end()) {
            const PackageRecord& other = *choices_[named->second].record;
            if (concerns(ban.atom, other.version, other))
                return Obstacle{named->second, &ban, true};
        }
        auto provided = provisions_.find(ban.atom.name);
        if (provided == provisions_.end()) continue;
        for (const Provision& provision : provided->second)
            if (concerns(ban.atom, provision.version, *choices_[provision.choice].record))
                return Obstacle{provision.choice, &ban, true};
    }
    return std::nullopt;
}

void Choices::push(const Choice& choice) {
    std::size_t self = choices_.size();
    choices_.push_back(choice);
    if (choice.record == nullptr) return;
    by_name_[choice.record->name] = self;
    for (const PackageAtom& provision : choice.relations->provisions)
        provisions_[provision.name].push_back({provision.version, self});
    for (const PackageBan& ban : choice.relations->bans)
        bans_[ban.atom.name].push_back({&ban, self});
}

void Choices::pop() {
    const Choice& choice = choices_.back();
    if (choice.record != nullptr) {
        by_name_.erase(choice.record->name);
        for (const PackageAtom& provision : choice.relations->provisions)
            provisions_[provision.name].pop_back();
        for (const PackageBan& ban : choice.relations->bans) bans_[ban.atom.name].pop_back();
    }
    choices_.pop_back();
}

std::string Choices::chain(const PackageWant& want, std::size_t by) const {
    if (by != nobody) {
        const Choice& wanting = choices_[by];
        return chain(*wanting.want, wanting.by) + " -> " + describe(*wanting.record) + " " +
               std::string(want.how) + " " + want.text;
    }
    if (want.where.empty()) return want.text + " was asked for";
    return std::string(want.where) + " asks for " + want.text;
}

Error Choices::explain(const PackageRecord& record, const PackageWant& want, std::size_t by,
                       const Obstacle& obstacle) const {
    const Choice& other = choices_[obstacle.choice];
    std::string text = describe(record) + " and " + describe(*other.record) + " exclude each other";
    if (obstacle.ban == nullptr) {
        text += ": a package is there in one version";
    } else {
        const PackageRecord& stating = obstacle.ours ? record : *other.record;
        const PackageRecord& concerned = obstacle.ours ? *other.record : record;
        text += ": " + describe(stating) + " says \"" + obstacle.ban->to_string() + "\"";
        if (obstacle.ban->atom.name != concerned.name)
            text += ", and " + describe(concerned) + " provides " +
                    std::string(obstacle.ban->atom.name);
    }
    text += "; " + chain(want, by) + "; " + chain(*other.want, other.by);
    return Error(ErrorKind::refused, std::move(text));
}

Error explain_missing(const PackageIndex& index, const PackageWant& want,
                      const std::string& chain) {
    std::vector<std::string> there;
    for (const PackageAtom& atom : want.atoms) {
        std::size_t shown = 0;
        for (const PackageRecord* record : index.named(atom.name)) {
            if (++shown > most_shown) break;
            const IndexOrigin& origin = index.origin(*record);
            std::string from = origin.suite.empty() ? "" : ", from " + origin.suite;
            there.push_back(describe(*record) + " is there" + from);
        }
        for (const auto& provider : index.providers(atom.name)) {
            if (++shown > most_shown) break;
            std::string version = provider.version.empty() ? " without a version"
                                                           : " " + std::string(provider.version);
            there.push_back(describe(*provider.package) + " provides " + std::string(atom.name) +
                            version);
        }
    }
    bool several = want.atoms.size() > 1;
    std::string subject = (several ? "none of the packages " : "package ") + want.text;
    // A request's chain says no more than the subject.
    std::string whole = want.how.empty() && want.where.empty() ? "" : ": " + chain;
    if (!there.empty())
        return Error(ErrorKind::not_found, subject + (several ? "" : " cannot be found") +
                                               (several ? " can be found" : "") + whole + "; " +
                                               join(there, ", "));
    Error error(ErrorKind::not_found, subject + (several ? " exists" : " does not exist") +
                                          " in the configured sources" + whole);
    if (auto near = nearest(want.atoms.front().name, index.names()))
        return std::move(error).hint("did you mean \"" + *near + "\"?");
    return std::move(error).hint(
        "check the name, and the components and suites of the host's apt sources");
}

}  // namespace osiekit::builder
