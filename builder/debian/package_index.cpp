#include "builder/debian/package_index.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "builder/debian/relation.hpp"
#include "builder/debian/stanza.hpp"
#include "builder/debian/version.hpp"
#include "builder/packages/package.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder {
namespace {

using TextField = std::pair<std::string_view, std::string_view PackageRecord::*>;
constexpr std::array<TextField, 14> text_fields = {{
    {"Package", &PackageRecord::name},
    {"Version", &PackageRecord::version},
    {"Architecture", &PackageRecord::architecture},
    {"Multi-Arch", &PackageRecord::multi_arch},
    {"Filename", &PackageRecord::filename},
    {"Depends", &PackageRecord::depends},
    {"Pre-Depends", &PackageRecord::pre_depends},
    {"Provides", &PackageRecord::provides},
    {"Conflicts", &PackageRecord::conflicts},
    {"Breaks", &PackageRecord::breaks},
    {"Source", &PackageRecord::source},
    {"Installed-Size", &PackageRecord::installed_size},
    {"Priority", &PackageRecord::priority},
    {"Essential", &PackageRecord::essential},
}};

// Debian policy 2.5; what says none of them comes last.
constexpr std::array<std::string_view, 5> priorities = {"required", "important", "standard",
                                                        "optional", "extra"};

std::size_t rank_of(std::string_view priority) {
    return static_cast<std::size_t>(std::find(priorities.begin(), priorities.end(), priority) -
                                    priorities.begin());
}

Error bad_record(const PackageRecord& record, std::string_view problem) {
    return Error(ErrorKind::invalid_input,
                 "package \"" + printable(record.name, 60) + "\": " + std::string(problem));
}

// False for a paragraph that is left out.
Result<bool> read_record(const std::vector<StanzaField>& fields, PackageRecord& record) {
    std::string_view digest;
    std::string_view size;
    for (const StanzaField& field : fields) {
        if (field.name == "SHA256") digest = field.value;
        if (field.name == "Size") size = field.value;
        for (const auto& [name, member] : text_fields)
            if (field.name == name) record.*member = field.value;
    }
    if (!valid_package_name(record.name)) return bad_record(record, "the name is not valid");
    if (digest.empty()) return false;
    if (record.version.empty()) return bad_record(record, "Version is missing");
    if (!valid_location(record.filename)) return bad_record(record, "Filename is not a safe path");
    auto parsed = Sha256::parse(digest);
    if (!parsed) return bad_record(record, "SHA256 is not a digest");
    record.digest = *parsed;
    auto bytes = parse_u64(size);
    if (!bytes || *bytes > package_size_limit)
        return bad_record(record, "Size is not a number of bytes that a package can have");
    record.size = *bytes;
    return true;
}

}  // namespace

Result<std::vector<PackageRecord>> parse_packages(std::string_view text) {
    std::vector<PackageRecord> records;
    StanzaReader reader(text);
    std::vector<StanzaField> fields;
    for (;;) {
        OSIEKIT_ASSIGN(bool more, reader.next(fields));
        if (!more) return records;
        PackageRecord record;
        OSIEKIT_ASSIGN(bool usable, read_record(fields, record));
        if (!usable) continue;
        if (records.size() >= index_record_limit)
            return Error(ErrorKind::limit, "the index has more than " +
                                               std::to_string(index_record_limit) + " packages");
        records.push_back(record);
    }
}

std::string compact_packages(const std::vector<PackageRecord>& records) {
    std::string text;
    auto append = [&](std::string_view name, std::string_view value) {
        text.append(name).append(": ");
        // Continuation lines become one line.
        for (char c : value) text += c == '\n' || c == '\r' ? ' ' : c;
        text += '\n';
    };
    for (const PackageRecord& record : records) {
        for (const auto& [name, member] : text_fields)
            if (!(record.*member).empty()) append(name, record.*member);
        append("Size", std::to_string(record.size));
        append("SHA256", record.digest.hex());
        text += '\n';
    }
    return text;
}

Status PackageIndex::add(std::string text, std::string_view architecture, std::uint32_t index,
                         IndexOrigin origin) {
    if (origins_.size() <= index) origins_.resize(index + std::size_t{1});
    origins_[index] = std::move(origin);
    texts_.push_back(std::make_unique<std::string>(std::move(text)));
    OSIEKIT_ASSIGN(auto records, parse_packages(*texts_.back()));
    pools_.push_back(std::make_unique<std::vector<PackageRecord>>(std::move(records)));
    for (PackageRecord& record : *pools_.back()) {
        if (record.architecture != architecture && record.architecture != "all") continue;
        record.index = index;
        by_name_[record.name].push_back(&record);
        ++records_;
        if (record.provides.empty()) continue;
        auto provisions = parse_relations(record.provides);
        if (!provisions) continue;  // what cannot be read provides nothing
        for (const AtomAlternatives& provision : *provisions)
            if (provision.size() == 1)
                by_provision_[provision[0].name].push_back({&record, provision[0].version});
    }
    return {};
}

void PackageIndex::finish() {
    auto newer = [&](const PackageRecord* a, const PackageRecord* b) {
        bool automatic = origin(*a).automatic;
        if (automatic != origin(*b).automatic) return automatic;
        return compare_versions(a->version, b->version) > 0;
    };
    // Stable: of two equal ones the source that was named first wins.
    for (auto& [name, records] : by_name_)
        if (records.size() > 1) std::stable_sort(records.begin(), records.end(), newer);
    for (auto& [name, providers] : by_provision_) {
        std::stable_sort(
            providers.begin(), providers.end(), [&](const Provider& a, const Provider& b) {
                if (a.package->name == b.package->name) return newer(a.package, b.package);
                bool essential = a.package->essential == "yes";
                if (essential != (b.package->essential == "yes")) return essential;
                std::size_t rank = rank_of(a.package->priority);
                std::size_t other = rank_of(b.package->priority);
                return rank != other ? rank < other : a.package->name < b.package->name;
            });
    }
}

const std::vector<const PackageRecord*>& PackageIndex::named(std::string_view name) const {
    static const std::vector<const PackageRecord*> none;
    auto it = by_name_.find(name);
    return it == by_name_.end() ? none : it->second;
}

const std::vector<PackageIndex::Provider>& PackageIndex::providers(std::string_view name) const {
    static const std::vector<Provider> none;
    auto it = by_provision_.find(name);
    return it == by_provision_.end() ? none : it->second;
}

std::vector<std::string> PackageIndex::names() const {
    std::vector<std::string> result;
    result.reserve(by_name_.size());
    for (const auto& [name, records] : by_name_) result.emplace_back(name);
    std::sort(result.begin(), result.end());
    return result;
}

}  // namespace osiekit::builder
