#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "lib/base/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace osiekit::server {

// A prepared statement, finalised by its destructor. Parameters count from 1, columns from 0.
class Statement {
  public:
    Statement() = default;
    explicit Statement(sqlite3_stmt* statement) : statement_(statement, &finalize) {}

    Statement& bind(int index, std::string_view text);
    Statement& bind(int index, std::int64_t number);
    Statement& bind_blob(int index, std::string_view bytes);

    // True: a row is there; false: done.
    Result<bool> step();
    // Runs a statement that gives no rows.
    Status run();
    std::string text(int column) const;
    std::string blob(int column) const;
    std::int64_t integer(int column) const;

  private:
    static void finalize(sqlite3_stmt* statement);
    std::unique_ptr<sqlite3_stmt, void (*)(sqlite3_stmt*)> statement_{nullptr, &finalize};
};

// One connection to one database file. Not thread safe: the Store serialises its users.
class Database {
  public:
    // Creates the file if it is missing. WAL with synchronous=FULL: what a committed transaction
    // wrote survives a crash of the process and of the machine. ":memory:" for tests.
    static Result<Database> open(const std::filesystem::path& path);

    Result<Statement> prepare(std::string_view sql);
    Status execute(const std::string& sql);  // one or more statements without parameters
    std::int64_t last_row_id() const;
    int changes() const;

  private:
    explicit Database(sqlite3* handle) : handle_(handle, &close) {}
    static void close(sqlite3* handle);
    std::unique_ptr<sqlite3, void (*)(sqlite3*)> handle_;
};

}  // namespace osiekit::server
