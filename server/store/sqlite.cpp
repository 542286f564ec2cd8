#include "server/store/sqlite.hpp"

#include <sqlite3.h>

namespace osiekit::server {
namespace {

constexpr int busy_timeout_ms = 5000;

Error database_error(sqlite3* handle, const std::string& attempted) {
    int code = handle ? sqlite3_extended_errcode(handle) : SQLITE_NOMEM;
    std::string why = handle ? sqlite3_errmsg(handle) : "out of memory";
    Error error(ErrorKind::io, attempted + ": " + why);
    switch (code & 0xff) {
        case SQLITE_FULL:
        case SQLITE_IOERR:
            return std::move(error).hint("is the disk full?");
        case SQLITE_BUSY:
            return std::move(error).hint("another program holds the database");
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return std::move(error).hint("restore the file from a backup");
        default:
            return error;
    }
}

}  // namespace

void Statement::finalize(sqlite3_stmt* statement) {
    sqlite3_finalize(statement);
}

Statement& Statement::bind(int index, std::string_view text) {
    sqlite3_bind_text64(statement_.get(), index, text.data() ? text.data() : "", text.size(),
                        SQLITE_TRANSIENT, SQLITE_UTF8);
    return *this;
}

Statement& Statement::bind(int index, std::int64_t number) {
    sqlite3_bind_int64(statement_.get(), index, number);
    return *this;
}

Statement& Statement::bind_blob(int index, std::string_view bytes) {
    sqlite3_bind_blob64(statement_.get(), index, bytes.data() ? bytes.data() : "", bytes.size(),
                        SQLITE_TRANSIENT);
    return *this;
}

Result<bool> Statement::step() {
    int code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return database_error(sqlite3_db_handle(statement_.get()), "using the database");
}

Status Statement::run() {
    auto row = step();
    if (!row) return std::move(row).error();
    return {};
}

std::string Statement::text(int column) const {
    const unsigned char* bytes = sqlite3_column_text(statement_.get(), column);
    if (!bytes) return {};
    auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
    return {reinterpret_cast<const char*>(bytes), size};
}

std::string Statement::blob(int column) const {
    const void* bytes = sqlite3_column_blob(statement_.get(), column);
    if (!bytes) return {};
    auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column));
    return {static_cast<const char*>(bytes), size};
}

std::int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(statement_.get(), column);
}

void Database::close(sqlite3* handle) {
    sqlite3_close_v2(handle);
}

Result<Database> Database::open(const std::filesystem::path& path) {
    sqlite3* handle = nullptr;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
    Database database(handle);
    if (code != SQLITE_OK) return database_error(handle, "opening the database " + path.string());
    sqlite3_busy_timeout(handle, busy_timeout_ms);
    OSIEKIT_TRY(database
                    .execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
                             "PRAGMA foreign_keys=ON;")
                    .context("opening the database " + path.string()));
    return database;
}

Result<Statement> Database::prepare(std::string_view sql) {
    sqlite3_stmt* statement = nullptr;
    int code = sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()), 0,
                                  &statement, nullptr);
    if (code != SQLITE_OK) return database_error(handle_.get(), "preparing a statement");
    return Statement(statement);
}

Status Database::execute(const std::string& sql) {
    if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
        return database_error(handle_.get(), "using the database");
    return {};
}

std::int64_t Database::last_row_id() const {
    return sqlite3_last_insert_rowid(handle_.get());
}

int Database::changes() const {
    return sqlite3_changes(handle_.get());
}

}  // namespace osiekit::server
