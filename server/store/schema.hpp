#pragma once

#include "server/store/sqlite.hpp"

namespace osiekit::server {

// Brings the database to the newest schema, step by step, each step in a transaction of its own
// (PRAGMA user_version counts them). A database from a newer program is an error of kind
// unsupported and is left as it is.
Status migrate(Database& database);

int newest_schema();

}  // namespace osiekit::server
