#include "server/store/store.hpp"

#include "server/store/schema.hpp"

namespace osiekit::server {

Session::~Session() {
    // A moved-from session has no lock and no transaction.
    if (lock_.owns_lock() && open_) (void)database_->execute("ROLLBACK");
}

Status Session::commit() {
    OSIEKIT_TRY(database_->execute("COMMIT"));
    open_ = false;
    return {};
}

Result<std::unique_ptr<Store>> Store::open(const std::filesystem::path& path) {
    OSIEKIT_ASSIGN(auto database, Database::open(path));
    OSIEKIT_TRY(migrate(database).context("opening the database " + path.string()));
    return std::unique_ptr<Store>(new Store(std::move(database)));
}

Result<Session> Store::begin(const char* statement) {
    std::unique_lock lock(mutex_);
    OSIEKIT_TRY(database_.execute(statement));
    return Session(std::move(lock), database_);
}

Result<Session> Store::read() {
    return begin("BEGIN");
}

Result<Session> Store::write() {
    return begin("BEGIN IMMEDIATE");
}

}  // namespace osiekit::server
