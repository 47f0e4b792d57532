#include "sensors/kubernetes_sensor_state.hpp"

#include <charconv>

namespace squall::sensors {
namespace {

using store::Collection;
using store::Compare;

constexpr std::string_view kScopePrefix = "kubernetes/";

std::string object_id(const std::string& scope, const std::string& key) { return scope + "/" + key; }

// Ids of one scope in order, beginning after `after`.
store::Query scope_query(const std::string& scope, const std::string& after, size_t limit) {
  store::Query query;
  query.filters = {{"scope", Compare::kEqual, scope}, {"id", Compare::kGreater, object_id(scope, after)}};
  query.sort = {{"id"}};
  query.limit = static_cast<int64_t>(limit);
  return query;
}

// An integer of the store has a sign, a hash has none: it is kept as text.
std::string hash_text(uint64_t hash) {
  char text[16];
  const auto end = std::to_chars(std::begin(text), std::end(text), hash, 16).ptr;
  return {text, end};
}

uint64_t parse_hash(std::string_view text) {
  uint64_t hash = kubernetes::kUnknownContent;
  std::from_chars(text.data(), text.data() + text.size(), hash, 16);
  return hash;
}

kubernetes::ObjectCache::Entry read_entry(const Value& document) {
  const Value& metadata = document["object"]["metadata"];
  return {metadata["uid"].string(), metadata["resourceVersion"].string(), parse_hash(document["hash"].string_or("")),
          document["announced"].bool_or(true), document["whole"].bool_or(true)};
}

Result<KubernetesCursor> get_cursor(store::ReadTx& transaction, const std::string& scope) {
  SQ_TRY(const auto record, transaction.get(Collection::kCursors, scope));
  KubernetesCursor cursor;
  if (!record) return cursor;
  cursor.saved.cursor = record->document["resource_version"].string();
  cursor.saved.mark = {record->document["sequence"].int_or(0), record->document["writer"].string()};
  cursor.erasing = record->document["erasing"].bool_or(false);
  return cursor;
}

}  // namespace

Result<KubernetesCursor> read_kubernetes_cursor(store::Store& store, const std::string& scope) {
  KubernetesCursor cursor;
  SQ_CHECK(store.read([&](store::ReadTx& transaction) -> Status {
    SQ_TRY(cursor, get_cursor(transaction, scope));
    return {};
  }));
  return cursor;
}

Result<std::vector<std::pair<std::string, kubernetes::ObjectCache::Entry>>> read_kubernetes_entries(
    store::Store& store, const std::string& scope, const std::string& after, size_t limit) {
  std::vector<std::pair<std::string, kubernetes::ObjectCache::Entry>> entries;
  SQ_CHECK(store.read([&](store::ReadTx& transaction) -> Status {
    SQ_TRY(const auto page, transaction.list(Collection::kSensorObjects, scope_query(scope, after, limit)));
    for (const store::Record& record : page.records) {
      entries.emplace_back(record.id.substr(scope.size() + 1), read_entry(record.document));
    }
    return {};
  }));
  return entries;
}

Result<Value> read_kubernetes_object(store::Store& store, const std::string& scope, const std::string& key) {
  Value object;
  SQ_CHECK(store.read([&](store::ReadTx& transaction) -> Status {
    SQ_TRY(const auto record, transaction.get(Collection::kSensorObjects, object_id(scope, key)));
    if (record) object = record->document["object"];
    return {};
  }));
  return object;
}

Status write_kubernetes_batch(store::WriteTx& transaction, const std::string& scope,
                              const kubernetes::ChangeBatch& batch) {
  SQ_TRY(const KubernetesCursor cursor, get_cursor(transaction, scope));
  SQ_CHECK(kubernetes::check_mark(cursor.saved.mark, batch));
  for (const kubernetes::Change& change : batch.changes) {
    const std::string id = object_id(scope, change.key);
    if (change.type == kubernetes::ChangeType::kDeleted) {
      SQ_CHECK(transaction.erase(Collection::kSensorObjects, id));
      continue;
    }
    SQ_CHECK(transaction.put(Collection::kSensorObjects, id,
                             Value::dict({{"scope", scope},
                                          {"hash", hash_text(change.hash)},
                                          {"announced", change.announced},
                                          {"whole", change.whole},
                                          {"object", change.kept()}})));
  }
  return transaction.put(Collection::kCursors, scope,
                         Value::dict({{"scope", scope},
                                      {"resource_version", batch.cursor.value_or(cursor.saved.cursor)},
                                      {"sequence", batch.mark.sequence},
                                      {"writer", batch.mark.writer}}));
}

Result<std::vector<std::string>> read_kubernetes_scopes(store::Store& store) {
  std::vector<std::string> scopes;
  SQ_CHECK(store.read([&](store::ReadTx& transaction) -> Status {
    store::Query query;
    query.filters = {{"id", Compare::kPrefix, kScopePrefix}};
    SQ_TRY(const auto page, transaction.list(Collection::kCursors, query));
    for (const store::Record& record : page.records) scopes.push_back(record.id);
    return {};
  }));
  return scopes;
}

Result<bool> erase_kubernetes_scope(store::WriteTx& transaction, const std::string& scope, size_t limit) {
  SQ_TRY(const auto page, transaction.list(Collection::kSensorObjects, scope_query(scope, "", limit)));
  for (const store::Record& record : page.records) {
    SQ_CHECK(transaction.erase(Collection::kSensorObjects, record.id));
  }
  if (page.records.size() < limit) {
    SQ_CHECK(transaction.erase(Collection::kCursors, scope));
    return false;
  }
  SQ_CHECK(transaction.put(Collection::kCursors, scope, Value::dict({{"scope", scope}, {"erasing", true}})));
  return true;
}

}  // namespace squall::sensors
