#include "server/inventory/mac.hpp"
#include "server/store/store.hpp"

namespace osiekit::server {
namespace {

constexpr const char* columns = "SELECT name, document, updated FROM hardware ";

Result<HardwareRecord> read_record(Statement& row) {
    auto document = nlohmann::json::parse(row.text(1), nullptr, false);
    OSIEKIT_ASSIGN(auto hardware, hardware_from_document(document));
    return HardwareRecord{std::move(hardware), row.integer(2)};
}

}  // namespace

Status Session::put_hardware(const Hardware& hardware, UnixMillis now) {
    OSIEKIT_ASSIGN(auto put, database_->prepare("INSERT INTO hardware VALUES (?1, ?2, ?3, ?4) "
                                                "ON CONFLICT(name) DO UPDATE SET document=?2, "
                                                "agent_id=?3, updated=?4"));
    put.bind(1, hardware.name).bind(2, hardware.document.dump()).bind(3, hardware.agent_id);
    OSIEKIT_TRY(put.bind(4, now).run());
    OSIEKIT_ASSIGN(auto clear, database_->prepare("DELETE FROM hardware_mac WHERE hardware=?1"));
    OSIEKIT_TRY(clear.bind(1, hardware.name).run());
    for (const auto& mac : hardware.macs()) {
        OSIEKIT_ASSIGN(auto owner,
                       database_->prepare("SELECT hardware FROM hardware_mac WHERE mac=?1"));
        OSIEKIT_ASSIGN(bool taken, owner.bind(1, mac).step());
        if (taken)
            return Error(ErrorKind::invalid_input,
                         "the MAC " + mac + " belongs to the hardware '" + owner.text(0) + "'")
                .hint("a MAC may be in one record only");
        OSIEKIT_ASSIGN(auto add, database_->prepare("INSERT INTO hardware_mac VALUES (?1, ?2)"));
        OSIEKIT_TRY(add.bind(1, mac).bind(2, hardware.name).run());
    }
    return {};
}

Result<std::optional<HardwareRecord>> Session::one_hardware(const char* sql,
                                                            const std::string& key) {
    OSIEKIT_ASSIGN(auto query, database_->prepare(std::string(columns) + sql));
    OSIEKIT_ASSIGN(bool found, query.bind(1, key).step());
    if (!found) return std::optional<HardwareRecord>();
    OSIEKIT_ASSIGN(auto record, read_record(query));
    return std::optional(std::move(record));
}

Result<std::optional<HardwareRecord>> Session::hardware(const std::string& name) {
    return one_hardware("WHERE name=?1", name);
}

Result<std::optional<HardwareRecord>> Session::hardware_by_mac(const std::string& mac) {
    return one_hardware("WHERE name=(SELECT hardware FROM hardware_mac WHERE mac=?1)",
                        canonical_id(mac));
}

Result<std::optional<HardwareRecord>> Session::hardware_by_name_or_mac(const std::string& key) {
    OSIEKIT_ASSIGN(auto named, hardware(key));
    if (named) return named;
    return hardware_by_mac(key);
}

Result<std::vector<HardwareRecord>> Session::all_hardware() {
    OSIEKIT_ASSIGN(auto query, database_->prepare(std::string(columns) + "ORDER BY name"));
    std::vector<HardwareRecord> result;
    while (true) {
        OSIEKIT_ASSIGN(bool more, query.step());
        if (!more) return result;
        OSIEKIT_ASSIGN(auto record, read_record(query));
        result.push_back(std::move(record));
    }
}

Result<std::set<std::string>> Session::agent_aliases(const std::string& agent_id) {
    std::string id = canonical_id(agent_id);
    OSIEKIT_ASSIGN(auto query,
                   database_->prepare(
                       "WITH owner(name) AS (SELECT hardware FROM hardware_mac WHERE mac=?1 UNION "
                       "SELECT name FROM hardware WHERE name=?1 OR (agent_id=?1 AND ?1<>'')) "
                       "SELECT name FROM owner UNION "
                       "SELECT mac FROM hardware_mac WHERE hardware IN owner UNION "
                       "SELECT agent_id FROM hardware WHERE name IN owner AND agent_id<>''"));
    query.bind(1, id);
    std::set<std::string> result = {id};
    while (true) {
        OSIEKIT_ASSIGN(bool more, query.step());
        if (!more) return result;
        result.insert(query.text(0));
    }
}

}  // namespace osiekit::server
