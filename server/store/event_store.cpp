#include "server/store/store.hpp"

namespace osiekit::server {

Result<std::uint64_t> Session::append_event(const Event& event) {
    OSIEKIT_ASSIGN(auto insert, database_->prepare("INSERT INTO events (time, kind, hardware, mac, "
                                                   "workflow_id, content, detail) "
                                                   "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"));
    insert.bind(1, event.time).bind(2, event.kind).bind(3, event.hardware).bind(4, event.mac);
    insert.bind(5, event.workflow_id).bind(6, event.text).bind(7, event.detail);
    OSIEKIT_TRY(insert.run());
    return static_cast<std::uint64_t>(database_->last_row_id());
}

Result<std::vector<Event>> Session::events(const EventFilter& filter, std::size_t limit) {
    OSIEKIT_ASSIGN(auto query,
                   database_->prepare("SELECT sequence, time, kind, hardware, mac, workflow_id, "
                                      "content, detail FROM events WHERE sequence>=?1 "
                                      "AND (?2='' OR workflow_id=?2) "
                                      "AND ((?3='' AND ?4='') OR (?3<>'' AND hardware=?3) OR "
                                      "(?4<>'' AND mac=?4)) "
                                      "ORDER BY sequence LIMIT ?5"));
    query.bind(1, static_cast<std::int64_t>(filter.from_sequence)).bind(2, filter.workflow_id);
    query.bind(3, filter.hardware).bind(4, filter.mac).bind(5, static_cast<std::int64_t>(limit));
    std::vector<Event> result;
    while (true) {
        OSIEKIT_ASSIGN(bool more, query.step());
        if (!more) return result;
        Event event;
        event.sequence = static_cast<std::uint64_t>(query.integer(0));
        event.time = query.integer(1);
        event.kind = query.text(2);
        event.hardware = query.text(3);
        event.mac = query.text(4);
        event.workflow_id = query.text(5);
        event.text = query.text(6);
        event.detail = query.text(7);
        result.push_back(std::move(event));
    }
}

}  // namespace osiekit::server
