#include "builder/packages/query.hpp"

#include <algorithm>

namespace osiekit::builder {

std::string PackageQuery::key() const {
    std::string text(to_string(system));
    text += "\n" + dependencies.key() + "\n";
    for (const auto& [what, list] :
         {std::pair{"package", &packages}, std::pair{"no-deps", &no_deps},
          std::pair{"exclude", &exclude}}) {
        std::vector<std::string> names;
        for (const PackageRequest& request : *list) names.push_back(request.name);
        std::sort(names.begin(), names.end());
        names.erase(std::unique(names.begin(), names.end()), names.end());
        for (const std::string& name : names) text += std::string(what) + " " + name + "\n";
    }
    for (const auto& [name, version] : prefer) {
        text += "prefer ";
        text.append(name).append(" ").append(version).append("\n");
    }
    return text;
}

PackageQuery query_of(PackageSystem system, const std::vector<std::string>& names,
                      Dependencies dependencies) {
    PackageQuery query;
    query.system = system;
    query.dependencies = std::move(dependencies);
    for (const std::string& name : names) query.packages.push_back({name, {}});
    return query;
}

}  // namespace osiekit::builder
