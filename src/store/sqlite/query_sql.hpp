// The SQL texts of the store, built from schema.hpp. Pure. No user input ever becomes SQL: values are bound, and names
// come from our own schema.
#pragma once

#include <string>

#include "store/query_plan.hpp"
#include "store/schema.hpp"
#include "store/sqlite/connection.hpp"

namespace squall::store {

// "name" with quotes, as an identifier.
std::string sql_name(std::string_view name);
// The name of a field's index, unquoted.
std::string index_name(std::string_view collection, std::string_view field);

std::string create_table_sql(const CollectionSchema& schema);
std::string create_index_sql(const CollectionSchema& schema, const IndexedField& field);

// The statements of a collection that never change; made once.
struct CollectionSql {
  std::string get;           // parameter: id. Columns: id, revision, document
  std::string get_keys;      // parameter: id. Columns: the fields' keys in order
  std::string get_revision;  // parameter: id
  std::string insert;        // parameters: id, the fields' keys in order, document
  std::string update;        // raises the revision. Parameters: the fields' keys in order, document, id, revision
  std::string erase;         // parameter: id
};
const CollectionSql& sql_of(Collection collection);

// Raises the revision. Parameters: the keys of the `changed` fields in order, document, id. Columns that are not set
// leave their indexes alone.
std::string replace_sql(const CollectionSchema& schema, const std::vector<bool>& changed);

// Columns: id, revision, document.
std::string select_sql(const CollectionSchema& schema, const QueryPlan& plan);
// Column: the number of matches.
std::string count_sql(const CollectionSchema& schema, const QueryPlan& plan);

// Texts that a statement refers to until it has run.
using BoundTexts = std::vector<std::string>;
// Binds the values of the plan's filters, for both of the statements above; then, for select, limit and offset.
void bind_filters(Statement& statement, const QueryPlan& plan, BoundTexts& texts);

}  // namespace squall::store
