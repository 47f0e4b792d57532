#include "store/sqlite/transaction.hpp"

#include <fmt/format.h>

#include "store/document.hpp"
#include "store/query_plan.hpp"
#include "store/sqlite/query_sql.hpp"
#include "value/json.hpp"

namespace squall::store {
namespace {

void bind_row(Statement& statement, const ReadyDocument& row, const std::string& json) {
  for (const IndexKey& key : row.keys) statement.bind(key);
  statement.bind(std::string_view(json));
}

// From a row of columns id, revision, document.
Result<Record> read_record(const Statement& row, const CollectionSchema& schema) {
  Record record{std::string(row.text(0)), row.integer(1), Value()};
  auto document = parse_json(row.text(2));
  if (!document) {
    return fail(ErrorCode::kIo, fmt::format("the record '{}' of '{}' is damaged: {}", record.id, schema.name,
                                            document.error().to_string()));
  }
  record.document = std::move(*document);
  return record;
}

}  // namespace

Result<std::optional<Record>> SqliteTransaction::get(Collection collection, std::string_view id) {
  const CollectionSchema& schema = schema_of(collection);
  SQ_TRY(Statement select, connection_.statement(sql_of(collection).get));
  select.bind(id);
  SQ_TRY(const bool found, select.step());
  if (!found) return std::optional<Record>();
  SQ_TRY(Record record, read_record(select, schema));
  return std::optional(std::move(record));
}

Result<Page> SqliteTransaction::list(Collection collection, const Query& query) {
  const CollectionSchema& schema = schema_of(collection);
  SQ_TRY(const QueryPlan plan, plan_query(schema, query));
  Page page;
  if (plan.count_total) {
    BoundTexts texts;
    SQ_TRY(Statement count, connection_.statement(count_sql(schema, plan)));
    bind_filters(count, plan, texts);
    SQ_CHECK(count.step());
    page.total = count.integer(0);
  }
  if (plan.limit == 0) return page;

  BoundTexts texts;
  SQ_TRY(Statement select, connection_.statement(select_sql(schema, plan)));
  bind_filters(select, plan, texts);
  select.bind(plan.limit).bind(plan.offset);
  while (true) {
    SQ_TRY(const bool found, select.step());
    if (!found) return page;
    if (plan.ids_only) {
      page.records.push_back({std::string(select.text(0)), 0, Value()});
      continue;
    }
    SQ_TRY(Record record, read_record(select, schema));
    page.records.push_back(std::move(record));
  }
}

Status SqliteTransaction::insert(Collection collection, std::string_view id, const Value& document) {
  const CollectionSchema& schema = schema_of(collection);
  SQ_TRY(const ReadyDocument row, make_ready(collection, id, document));
  const std::string json = to_json(row.document);
  SQ_TRY(Statement statement, connection_.statement(sql_of(collection).insert));
  statement.bind(id);
  bind_row(statement, row, json);
  auto status = statement.run();
  if (!status && status.error().code() == ErrorCode::kConflict) {
    return fail(ErrorCode::kConflict, fmt::format("'{}' has a record '{}' already", schema.name, id));
  }
  return status;
}

Status SqliteTransaction::put(Collection collection, std::string_view id, const ReadyDocument& row) {
  const CollectionSchema& schema = schema_of(collection);
  const std::string json = to_json(row.document);
  // An execution has a dozen indexed fields, and one or two of them change from one of its states to the next. Setting
  // a column writes its index anew even when the value is the same, so only those that changed are set.
  std::vector<bool> changed(row.keys.size());
  bool exists = false;
  {
    SQ_TRY(Statement select, connection_.statement(sql_of(collection).get_keys));
    select.bind(id);
    SQ_TRY(exists, select.step());
    for (size_t i = 0; exists && i < changed.size(); ++i) {
      changed[i] = select.key(static_cast<int>(i)) != row.keys[i];
    }
  }
  if (!exists) {
    SQ_TRY(Statement statement, connection_.statement(sql_of(collection).insert));
    statement.bind(id);
    bind_row(statement, row, json);
    return statement.run();
  }
  SQ_TRY(Statement statement, connection_.statement(replace_sql(schema, changed)));
  for (size_t i = 0; i < row.keys.size(); ++i) {
    if (changed[i]) statement.bind(row.keys[i]);
  }
  statement.bind(std::string_view(json)).bind(id);
  return statement.run();
}

Status SqliteTransaction::update(Collection collection, std::string_view id, int64_t revision, const Value& document) {
  const CollectionSchema& schema = schema_of(collection);
  SQ_TRY(const ReadyDocument row, make_ready(collection, id, document));
  const std::string json = to_json(row.document);
  {
    SQ_TRY(Statement statement, connection_.statement(sql_of(collection).update));
    bind_row(statement, row, json);
    statement.bind(id).bind(revision);
    SQ_CHECK(statement.run());
  }
  if (connection_.changes() == 1) return {};

  SQ_TRY(Statement select, connection_.statement(sql_of(collection).get_revision));
  select.bind(id);
  SQ_TRY(const bool found, select.step());
  if (!found) return fail(ErrorCode::kNotFound, fmt::format("'{}' has no record '{}'", schema.name, id));
  return fail(ErrorCode::kConflict, fmt::format("the record '{}' of '{}' changed meanwhile: it has revision {}, not {}",
                                                id, schema.name, select.integer(0), revision));
}

Result<bool> SqliteTransaction::erase(Collection collection, std::string_view id) {
  SQ_TRY(Statement statement, connection_.statement(sql_of(collection).erase));
  statement.bind(id);
  SQ_CHECK(statement.run());
  return connection_.changes() == 1;
}

}  // namespace squall::store
