#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "builder/debian/candidates.hpp"

namespace osiekit::builder {

// The packages chosen so far, each with the reason, in the order of the choices; the last one can
// be undone.
class Choices {
  public:
    static constexpr std::size_t nobody = static_cast<std::size_t>(-1);

    struct Choice {
        const PackageWant* want = nullptr;
        std::size_t by = nobody;                // whose want it is; nobody's: it was asked for
        const PackageRecord* record = nullptr;  // null: it is done without
        const PackageRelations* relations = nullptr;
    };
    // Why a package cannot be chosen: another choice, and what one of the two says.
    struct Obstacle {
        std::size_t choice;
        const PackageBan* ban;  // null: it has the same name
        bool ours;              // the ban is of the package that cannot be chosen
    };

    std::size_t size() const { return choices_.size(); }
    const Choice& operator[](std::size_t at) const { return choices_[at]; }
    // The position of the choice that satisfies a want; nullopt: none does.
    std::optional<std::size_t> satisfying(const PackageWant& want) const;
    std::optional<Obstacle> obstacle(const PackageRecord& record,
                                     const PackageRelations& relations) const;
    void push(const Choice& choice);
    void pop();

    // "site.yaml:3 asks for a -> a 1.0 depends on b (>= 2)": who wants it, from the profile on.
    std::string chain(const PackageWant& want, std::size_t by) const;
    Error explain(const PackageRecord& record, const PackageWant& want, std::size_t by,
                  const Obstacle& obstacle) const;

  private:
    struct Provision {
        std::string_view version;
        std::size_t choice;
    };
    struct Ban {
        const PackageBan* ban;
        std::size_t choice;
    };
    std::vector<Choice> choices_;
    std::unordered_map<std::string_view, std::size_t> by_name_;
    std::unordered_map<std::string_view, std::vector<Provision>> provisions_;
    std::unordered_map<std::string_view, std::vector<Ban>> bans_;
};

// "a 1.0"
std::string describe(const PackageRecord& record);
// A want that nothing in the index satisfies: what there is instead.
Error explain_missing(const PackageIndex& index, const PackageWant& want, const std::string& chain);

}  // namespace osiekit::builder
