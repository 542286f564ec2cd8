#include "builder/alpine/apk_index.hpp"

#include <algorithm>

#include "builder/alpine/atom.hpp"
#include "builder/alpine/gzip.hpp"
#include "builder/alpine/version.hpp"
#include "lib/base/text.hpp"

namespace osiekit::builder::alpine {
namespace {

constexpr std::size_t identity_length = 30;  // "Q1" and 28 characters
constexpr std::uint64_t signatures_limit = 2ULL << 20;

Status bad_field(char key, std::string_view value) {
    return Error(ErrorKind::invalid_input, std::string("the index has the line \"") + key + ":" +
                                               printable(value, 60) + "\"");
}

Status take_number(char key, std::string_view value, std::uint64_t& number) {
    auto parsed = parse_u64(value);
    if (!parsed) return bad_field(key, value);
    number = *parsed;
    return {};
}

std::string_view* text_field(Record& record, char key) {
    switch (key) {
        case 'C':
            return &record.identity;
        case 'P':
            return &record.name;
        case 'V':
            return &record.version;
        case 'A':
            return &record.architecture;
        case 'L':
            return &record.license;
        case 'o':
            return &record.origin;
        case 'D':
            return &record.depends;
        case 'p':
            return &record.provides;
        case 'i':
            return &record.install_if;
        default:
            return nullptr;
    }
}

Status take_line(std::string_view line, Record& record, bool& known) {
    if (line.size() < 2 || line[1] != ':')
        return Error(ErrorKind::invalid_input,
                     "the index has the line \"" + printable(line, 60) + "\"");
    char key = line[0];
    std::string_view value = line.substr(2);
    if (std::string_view* text = text_field(record, key)) {
        *text = value;
    } else if (key == 'S') {
        return take_number(key, value, record.size);
    } else if (key == 'I') {
        return take_number(key, value, record.installed_size);
    } else if (key == 'k') {
        return take_number(key, value, record.priority);
    } else if (key >= 'A' && key <= 'Z' && key != 'T' && key != 'U') {
        known = false;
    }
    return {};
}

Status check(const Record& record) {
    if (!valid_package_name(record.name)) return bad_field('P', record.name);
    if (!valid_version(record.version)) return bad_field('V', record.version);
    if (record.identity.size() != identity_length || !record.identity.starts_with("Q1"))
        return bad_field('C', record.identity);
    if (record.size == 0 || record.size > package_size_limit)
        return Error(ErrorKind::limit, "the index gives package " + std::string(record.name) +
                                           " a size of " + std::to_string(record.size) + " bytes");
    return {};
}

}  // namespace

Result<std::string> read_index_archive(std::string_view bytes, const Keys& keys) {
    OSIEKIT_ASSIGN(GzipMember first, take_gzip_member(bytes, signatures_limit));
    OSIEKIT_ASSIGN(auto signatures, read_signatures(first.content));
    OSIEKIT_TRY(keys.verify(signatures, bytes));
    OSIEKIT_ASSIGN(std::string tar, gunzip_all(bytes, index_unpacked_limit));
    DebLimits limits;
    limits.file_size = index_unpacked_limit;
    limits.unpacked_size = index_unpacked_limit;
    limits.entries = 64;
    std::optional<std::string> text;
    MemoryBytes source(tar);
    OSIEKIT_TRY(read_package_tar(
        "index.tar", source,
        [&](PackageFile&& file) -> Status {
            if (file.path == "APKINDEX" && !text) text = std::move(file.content);
            return {};
        },
        {}, limits));
    if (!text) return Error(ErrorKind::invalid_input, "it has no file APKINDEX");
    return *std::move(text);
}

Result<std::vector<Record>> parse_index(std::string_view text) {
    std::vector<Record> records;
    Record record;
    bool begun = false;
    bool known = true;
    while (!text.empty() || begun) {
        std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (!line.empty()) {
            OSIEKIT_TRY(take_line(line, record, known));
            begun = true;
            continue;
        }
        if (begun && known) {
            OSIEKIT_TRY(check(record));
            if (records.size() >= index_record_limit)
                return Error(ErrorKind::limit, "the index has more than " +
                                                   std::to_string(index_record_limit) + " records");
            records.push_back(record);
        }
        record = Record();
        begun = false;
        known = true;
    }
    return records;
}

Status Index::add(std::string text, std::uint32_t repository, std::string name) {
    if (repositories_.size() <= repository) repositories_.resize(repository + std::size_t{1});
    repositories_[repository] = std::move(name);
    texts_.push_back(std::make_unique<std::string>(std::move(text)));
    OSIEKIT_ASSIGN(auto records, parse_index(*texts_.back()));
    for (Record& record : records) record.repository = repository;
    pools_.push_back(std::make_unique<std::vector<Record>>(std::move(records)));
    return {};
}

void Index::enter(const Record& record) {
    by_name_[record.name].push_back({&record, record.version});
    for (std::string_view word : split_words(record.provides)) {
        auto atom = parse_atom(word);
        // What we cannot read provides nothing.
        if (atom && !atom->conflict) by_name_[atom->name].push_back({&record, atom->version});
    }
    if (!record.install_if.empty()) conditional_.push_back(&record);
}

void Index::finish() {
    for (const auto& pool : pools_)
        for (const Record& record : *pool) enter(record);
    auto better = [](const Candidate& a, const Candidate& b) {
        if (a.version.empty() != b.version.empty()) return b.version.empty();
        if (auto order = compare_versions(a.version, b.version); order != 0) return order > 0;
        // Without a version of the name, the priority was meant to decide.
        if (a.version.empty() && a.record->priority != b.record->priority)
            return a.record->priority > b.record->priority;
        if (auto order = compare_versions(a.record->version, b.record->version); order != 0)
            return order > 0;
        if (a.record->priority != b.record->priority)
            return a.record->priority > b.record->priority;
        if (a.record->repository != b.record->repository)
            return a.record->repository < b.record->repository;
        return a.record->name < b.record->name;
    };
    for (auto& [name, candidates] : by_name_)
        std::stable_sort(candidates.begin(), candidates.end(), better);
}

const std::vector<Index::Candidate>& Index::named(std::string_view name) const {
    static const std::vector<Candidate> none;
    auto found = by_name_.find(name);
    return found == by_name_.end() ? none : found->second;
}

std::vector<std::string> Index::names() const {
    std::vector<std::string> all;
    for (const auto& pool : pools_)
        for (const Record& record : *pool) all.emplace_back(record.name);
    return all;
}

}  // namespace osiekit::builder::alpine
