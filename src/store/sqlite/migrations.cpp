#include "store/sqlite/migrations.hpp"

#include <fmt/format.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "store/document.hpp"
#include "store/sqlite/query_sql.hpp"
#include "value/json.hpp"

namespace squall::store {
namespace {

// "SQL!" read as a number: file(1) and `PRAGMA application_id` tell our files by it.
constexpr int64_t kApplicationId = 0x53514c21;
constexpr size_t kFillBatchRows = 500;

std::string_view type_name(FieldType type) { return type == FieldType::kText ? "text" : "integer"; }

Result<std::vector<std::string>> texts(Connection& connection, std::string_view sql) {
  SQ_TRY(Statement statement, connection.statement(sql));
  std::vector<std::string> found;
  while (true) {
    SQ_TRY(const bool row, statement.step());
    if (!row) return found;
    found.emplace_back(statement.text(0));
  }
}

// Nothing for a new, empty file.
Result<std::optional<int64_t>> read_version(Connection& connection) {
  SQ_TRY(const auto tables, texts(connection, "SELECT name FROM sqlite_schema WHERE type = 'table'"));
  if (tables.empty()) return std::optional<int64_t>();
  const std::set<std::string> names(tables.begin(), tables.end());
  if (!names.contains("store_format") || !names.contains("store_fields")) {
    return fail(ErrorCode::kInvalid, "the database holds tables that are not squall's: choose another data directory");
  }
  SQ_TRY(Statement statement, connection.statement("SELECT value FROM store_format WHERE key = 'version'"));
  SQ_TRY(const bool row, statement.step());
  if (!row)
    return fail(ErrorCode::kInvalid, "the database does not tell its version (table store_format): restore a backup");
  return std::optional(statement.integer(0));
}

Status create_format(Connection& connection, int64_t version) {
  SQ_CHECK(connection.execute(fmt::format(
      "PRAGMA application_id = {};"
      "CREATE TABLE store_format (key TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
      "CREATE TABLE store_fields (collection TEXT NOT NULL, field TEXT NOT NULL, path TEXT NOT NULL, type TEXT NOT "
      "NULL,"
      " PRIMARY KEY (collection, field)) STRICT, WITHOUT ROWID;"
      "INSERT INTO store_format VALUES ('version', {})",
      kApplicationId, version)));
  return {};
}

Status run_steps(Connection& connection, int64_t from, const SchemaPlan& plan) {
  if (from > plan.version) {
    return fail(
        ErrorCode::kInvalid,
        fmt::format("the database has format version {}, this squall knows versions up to {}: use the newer squall "
                    "that wrote it, or restore a backup from before its upgrade",
                    from, plan.version));
  }
  for (int64_t version = from + 1; version <= plan.version; ++version) {
    const Migration* step = nullptr;
    for (const Migration& candidate : plan.steps) {
      if (candidate.to_version == version) step = &candidate;
    }
    if (step == nullptr) {
      return fail(ErrorCode::kInvalid,
                  fmt::format("the database has format version {}, which this squall cannot bring to "
                              "{} any more: open it with a squall in between first",
                              from, plan.version));
    }
    SQ_CHECK(step->run(connection));
  }
  if (from == plan.version) return {};
  return connection.execute(fmt::format("UPDATE store_format SET value = {} WHERE key = 'version'", plan.version));
}

// What store_fields says of one collection: field -> "path type".
using KnownFields = std::map<std::string, std::string, std::less<>>;

std::string definition(const IndexedField& field) { return fmt::format("{} {}", field.path, type_name(field.type)); }

Result<KnownFields> read_known_fields(Connection& connection, const CollectionSchema& schema) {
  SQ_TRY(Statement statement,
         connection.statement("SELECT field, path || ' ' || type FROM store_fields WHERE collection = ?"));
  statement.bind(schema.name);
  KnownFields fields;
  while (true) {
    SQ_TRY(const bool row, statement.step());
    if (!row) return fields;
    fields.emplace(statement.text(0), statement.text(1));
  }
}

Status remember_field(Connection& connection, const CollectionSchema& schema, const IndexedField& field) {
  SQ_TRY(Statement statement, connection.statement("INSERT INTO store_fields VALUES (?, ?, ?, ?)"));
  statement.bind(schema.name).bind(field.name).bind(field.path).bind(type_name(field.type));
  return statement.run();
}

Status create_collection(Connection& connection, const CollectionSchema& schema) {
  SQ_CHECK(connection.execute(create_table_sql(schema)));
  for (const IndexedField& field : schema.fields) {
    SQ_CHECK(connection.execute(create_index_sql(schema, field)));
    SQ_CHECK(remember_field(connection, schema, field));
  }
  return {};
}

Status drop_field(Connection& connection, const CollectionSchema& schema, std::string_view field) {
  SQ_CHECK(connection.execute(fmt::format("DROP INDEX IF EXISTS {}; ALTER TABLE {} DROP COLUMN {}",
                                          sql_name(index_name(schema.name, field)), sql_name(schema.name),
                                          sql_name(field))));
  SQ_TRY(Statement statement, connection.statement("DELETE FROM store_fields WHERE collection = ? AND field = ?"));
  statement.bind(schema.name).bind(field);
  return statement.run();
}

struct Stored {
  std::string id;
  std::string json;
};

Result<std::vector<Stored>> rows_after(Connection& connection, const CollectionSchema& schema,
                                       const std::string& after) {
  SQ_TRY(Statement statement,
         connection.statement(fmt::format("SELECT id, document FROM {} WHERE id > ? ORDER BY id LIMIT {}",
                                          sql_name(schema.name), kFillBatchRows)));
  statement.bind(std::string_view(after));
  std::vector<Stored> rows;
  while (true) {
    SQ_TRY(const bool row, statement.step());
    if (!row) return rows;
    rows.push_back({std::string(statement.text(0)), std::string(statement.text(1))});
  }
}

Status fill_field(Connection& connection, const CollectionSchema& schema, const IndexedField& field) {
  const std::string update =
      fmt::format("UPDATE {} SET {} = ? WHERE id = ?", sql_name(schema.name), sql_name(field.name));
  std::string after;
  while (true) {
    SQ_TRY(const auto rows, rows_after(connection, schema, after));
    if (rows.empty()) return {};
    for (const Stored& row : rows) {
      SQ_TRY(const Value document, parse_json(row.json));
      SQ_TRY(const IndexKey key, document_key(schema, field, document));
      SQ_TRY(Statement statement, connection.statement(update));
      statement.bind(key).bind(std::string_view(row.id));
      SQ_CHECK(statement.run());
    }
    after = rows.back().id;
  }
}

Status add_field(Connection& connection, const CollectionSchema& schema, const IndexedField& field) {
  SQ_CHECK(connection.execute(fmt::format("ALTER TABLE {} ADD COLUMN {} {}", sql_name(schema.name),
                                          sql_name(field.name), field.type == FieldType::kText ? "TEXT" : "INTEGER")));
  SQ_CHECK(fill_field(connection, schema, field));
  SQ_CHECK(connection.execute(create_index_sql(schema, field)));
  return remember_field(connection, schema, field);
}

// Makes the index anew when it is missing or another than this program wants. SQLite keeps the statement that made it.
Status follow_index(Connection& connection, const CollectionSchema& schema, const IndexedField& field) {
  const std::string name = index_name(schema.name, field.name);
  std::string made;
  {
    SQ_TRY(Statement statement,
           connection.statement("SELECT sql FROM sqlite_schema WHERE type = 'index' AND name = ?"));
    statement.bind(std::string_view(name));
    SQ_TRY(const bool row, statement.step());
    if (row) made = statement.text(0);
  }
  const std::string wanted = create_index_sql(schema, field);
  if (made == wanted) return {};
  return connection.execute(fmt::format("DROP INDEX IF EXISTS {}; {}", sql_name(name), wanted));
}

Status follow_schema(Connection& connection, const CollectionSchema& schema) {
  SQ_TRY(const KnownFields known, read_known_fields(connection, schema));
  std::set<std::string_view> wanted;
  for (const IndexedField& field : schema.fields) wanted.insert(field.name);
  for (const auto& [name, unused] : known) {
    if (!wanted.contains(name)) SQ_CHECK(drop_field(connection, schema, name));
  }
  for (const IndexedField& field : schema.fields) {
    const auto found = known.find(field.name);
    if (found != known.end() && found->second == definition(field)) continue;
    if (found != known.end()) SQ_CHECK(drop_field(connection, schema, field.name));
    SQ_CHECK(add_field(connection, schema, field));
  }
  for (const IndexedField& field : schema.fields) SQ_CHECK(follow_index(connection, schema, field));
  return {};
}

Status prepare_in_transaction(Connection& connection, const SchemaPlan& plan) {
  SQ_TRY(const auto version, read_version(connection));
  if (version) {
    SQ_CHECK(run_steps(connection, *version, plan));
  } else {
    SQ_CHECK(create_format(connection, plan.version));
  }
  SQ_TRY(const auto tables, texts(connection, "SELECT name FROM sqlite_schema WHERE type = 'table'"));
  const std::set<std::string, std::less<>> existing(tables.begin(), tables.end());
  for (const CollectionSchema& schema : plan.collections) {
    if (existing.contains(schema.name)) {
      SQ_CHECK(follow_schema(connection, schema));
    } else {
      SQ_CHECK(create_collection(connection, schema));
    }
  }
  return {};
}

}  // namespace

std::span<const Migration> migrations() { return {}; }

Status prepare_schema(Connection& connection, const SchemaPlan& plan) {
  SQ_CHECK(connection.execute("BEGIN IMMEDIATE"));
  auto status = prepare_in_transaction(connection, plan);
  if (status) status = connection.execute("COMMIT");
  if (!status && connection.in_transaction()) {
    // The transaction is void in any case; the first error is the one to tell.
    auto rolled_back = connection.execute("ROLLBACK");
    if (!rolled_back) return fail(status.error().with_context(rolled_back.error().message()));
  }
  return status;
}

}  // namespace squall::store
