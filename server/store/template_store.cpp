#include "server/store/store.hpp"

namespace osiekit::server {
namespace {

TemplateRecord read_record(const Statement& row) {
    return {row.text(0), row.text(1), row.integer(2), row.integer(3)};
}

}  // namespace

Status Session::put_template(const std::string& name, const std::string& text, UnixMillis now) {
    OSIEKIT_ASSIGN(auto put, database_->prepare("INSERT INTO templates VALUES (?1, ?2, ?3, ?3) "
                                                "ON CONFLICT(name) DO UPDATE SET content=?2, "
                                                "updated=?3"));
    return put.bind(1, name).bind(2, text).bind(3, now).run();
}

Result<std::optional<TemplateRecord>> Session::find_template(const std::string& name) {
    OSIEKIT_ASSIGN(auto query, database_->prepare("SELECT name, content, created, updated FROM "
                                                  "templates WHERE name=?1"));
    OSIEKIT_ASSIGN(bool found, query.bind(1, name).step());
    if (!found) return std::optional<TemplateRecord>();
    return std::optional(read_record(query));
}

Result<std::vector<TemplateRecord>> Session::all_templates() {
    OSIEKIT_ASSIGN(auto query, database_->prepare("SELECT name, content, created, updated FROM "
                                                  "templates ORDER BY name"));
    std::vector<TemplateRecord> result;
    while (true) {
        OSIEKIT_ASSIGN(bool more, query.step());
        if (!more) return result;
        result.push_back(read_record(query));
    }
}

}  // namespace osiekit::server
