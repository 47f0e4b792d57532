#include "store/sqlite/query_sql.hpp"

#include <fmt/format.h>

#include "base/assert.hpp"
#include "value/json.hpp"

namespace squall::store {
namespace {

std::string column(const CollectionSchema& schema, int field) {
  return field == kIdField ? sql_name("id") : sql_name(schema.fields[static_cast<size_t>(field)].name);
}

std::string condition(const CollectionSchema& schema, const PlannedFilter& filter, bool sorted_page) {
  const std::string name = column(schema, filter.field);
  // A filter that most rows pass must not lure SQLite away from the index that the page is sorted by: the unary plus
  // hides the column from the choice of an index.
  const std::string unindexed = sorted_page ? "+" + name : name;
  switch (filter.compare) {
    case Compare::kEqual: return name + " = ?";
    case Compare::kNotEqual: return unindexed + " IS NOT ?";
    case Compare::kLess: return name + " < ?";
    case Compare::kLessOrEqual: return name + " <= ?";
    case Compare::kGreater: return name + " > ?";
    case Compare::kGreaterOrEqual: return name + " >= ?";
    // One parameter for any number of values, so that the statement can be kept.
    case Compare::kIn: return name + " IN (SELECT value FROM json_each(?))";
    case Compare::kIsNull: return unindexed + " IS NULL";
    case Compare::kNotNull: return unindexed + " IS NOT NULL";
    case Compare::kPrefix: return fmt::format("{0} >= ? AND {0} < ?", name);
  }
  SQ_ASSERT(false);
}

std::string where(const CollectionSchema& schema, const QueryPlan& plan, bool sorted_page) {
  std::string sql;
  for (const PlannedFilter& filter : plan.filters) {
    sql += sql.empty() ? " WHERE " : " AND ";
    sql += condition(schema, filter, sorted_page);
  }
  return sql;
}

std::string key_columns(const CollectionSchema& schema) {
  std::string sql;
  for (const IndexedField& field : schema.fields) sql += sql_name(field.name) + ", ";
  return sql;
}

std::string key_parameters(const CollectionSchema& schema) {
  std::string sql;
  for (size_t i = 0; i < schema.fields.size(); ++i) sql += "?, ";
  return sql;
}

CollectionSql make_sql(const CollectionSchema& schema) {
  const std::string table = sql_name(schema.name);
  const std::string keys = key_columns(schema);
  std::string set_keys;
  for (const IndexedField& field : schema.fields) set_keys += sql_name(field.name) + " = ?, ";
  return {
      .get = fmt::format("SELECT id, revision, document FROM {} WHERE id = ?", table),
      .get_keys = fmt::format("SELECT {}1 FROM {} WHERE id = ?", keys, table),
      .get_revision = fmt::format("SELECT revision FROM {} WHERE id = ?", table),
      .insert = fmt::format("INSERT INTO {} (id, {}document, revision) VALUES (?, {}?, 1)", table, keys,
                            key_parameters(schema)),
      .update = fmt::format("UPDATE {} SET revision = revision + 1, {}document = ? WHERE id = ? AND revision = ?",
                            table, set_keys),
      .erase = fmt::format("DELETE FROM {} WHERE id = ?", table),
  };
}

std::string list_json(const std::vector<IndexKey>& keys) {
  List list;
  for (const IndexKey& key : keys) {
    const auto* number = std::get_if<int64_t>(&key);
    list.push_back(number != nullptr ? Value(*number) : Value(std::get<std::string>(key)));
  }
  return to_json(Value(std::move(list)));
}

}  // namespace

std::string sql_name(std::string_view name) {
  SQ_ASSERT(name.find('"') == std::string_view::npos);
  return fmt::format("\"{}\"", name);
}

std::string index_name(std::string_view collection, std::string_view field) {
  return fmt::format("{}__{}", collection, field);
}

std::string create_table_sql(const CollectionSchema& schema) {
  std::string sql =
      fmt::format("CREATE TABLE {} (id TEXT PRIMARY KEY NOT NULL, revision INTEGER NOT NULL, ", sql_name(schema.name));
  for (const IndexedField& field : schema.fields) {
    sql += fmt::format("{} {}, ", sql_name(field.name), field.type == FieldType::kText ? "TEXT" : "INTEGER");
  }
  return sql + "document TEXT NOT NULL) STRICT, WITHOUT ROWID";
}

std::string create_index_sql(const CollectionSchema& schema, const IndexedField& field) {
  const std::string then = field.then.empty() ? std::string() : sql_name(field.then) + ", ";
  return fmt::format("CREATE INDEX {} ON {} ({}, {}id)", sql_name(index_name(schema.name, field.name)),
                     sql_name(schema.name), sql_name(field.name), then);
}

const CollectionSql& sql_of(Collection collection) {
  static const std::vector<CollectionSql> kAll = [] {
    std::vector<CollectionSql> all;
    for (const CollectionSchema& schema : all_collections()) all.push_back(make_sql(schema));
    return all;
  }();
  return kAll[static_cast<size_t>(collection)];
}

std::string replace_sql(const CollectionSchema& schema, const std::vector<bool>& changed) {
  std::string sql = fmt::format("UPDATE {} SET revision = revision + 1, ", sql_name(schema.name));
  for (size_t i = 0; i < schema.fields.size(); ++i) {
    if (changed[i]) sql += sql_name(schema.fields[i].name) + " = ?, ";
  }
  return sql + "document = ? WHERE id = ?";
}

std::string select_sql(const CollectionSchema& schema, const QueryPlan& plan) {
  const bool sorted_page = plan.limit >= 0 && plan.sort.size() > 1;
  std::string sql = fmt::format("SELECT {} FROM {}{}", plan.ids_only ? "id" : "id, revision, document",
                                sql_name(schema.name), where(schema, plan, sorted_page));
  const char* separator = " ORDER BY ";
  for (const PlannedSort& sort : plan.sort) {
    sql += separator + column(schema, sort.field) + (sort.descending ? " DESC" : "");
    separator = ", ";
  }
  return sql + " LIMIT ? OFFSET ?";
}

std::string count_sql(const CollectionSchema& schema, const QueryPlan& plan) {
  return fmt::format("SELECT count(*) FROM {}{}", sql_name(schema.name), where(schema, plan, false));
}

void bind_filters(Statement& statement, const QueryPlan& plan, BoundTexts& texts) {
  texts.reserve(plan.filters.size());  // the texts must not move once they are bound
  for (const PlannedFilter& filter : plan.filters) {
    if (filter.compare == Compare::kIn) {
      statement.bind(std::string_view(texts.emplace_back(list_json(filter.keys))));
      continue;
    }
    for (const IndexKey& key : filter.keys) statement.bind(key);
    if (filter.compare == Compare::kPrefix) {
      // 0xff is above every byte of UTF-8, so this is behind all texts with the prefix.
      statement.bind(std::string_view(texts.emplace_back(std::get<std::string>(filter.keys.front()) + '\xff')));
    }
  }
}

}  // namespace squall::store
