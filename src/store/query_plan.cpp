#include "store/query_plan.hpp"

#include <fmt/format.h>

#include "base/strings.hpp"

namespace squall::store {
namespace {

constexpr IndexedField kId = {"id", "id"};

Result<int> find_field(const CollectionSchema& schema, std::string_view name) {
  if (name == kId.name) return kIdField;
  for (size_t i = 0; i < schema.fields.size(); ++i) {
    if (schema.fields[i].name == name) return static_cast<int>(i);
  }
  std::vector<std::string> known = {"id"};
  for (const IndexedField& field : schema.fields) known.emplace_back(field.name);
  return fail(ErrorCode::kInvalid, fmt::format("'{}' cannot be filtered or sorted by '{}'; it can by: {}", schema.name,
                                               name, join(known, ", ")));
}

const IndexedField& field_at(const CollectionSchema& schema, int field) {
  return field == kIdField ? kId : schema.fields[static_cast<size_t>(field)];
}

// Adds the key of `value`; null is refused, because nothing compares to it.
Status add_key(const IndexedField& field, const Value& value, std::vector<IndexKey>& keys) {
  SQ_TRY(auto key, index_key(field, value));
  if (is_null(key)) {
    return fail(ErrorCode::kInvalid,
                fmt::format("a filter on '{}' needs a value to compare with, not null", field.name));
  }
  keys.push_back(std::move(key));
  return {};
}

Result<PlannedFilter> plan_filter(const CollectionSchema& schema, const Filter& filter) {
  PlannedFilter planned;
  SQ_TRY(planned.field, find_field(schema, filter.field));
  planned.compare = filter.compare;
  const IndexedField& field = field_at(schema, planned.field);
  if (filter.value.is_null() && filter.compare == Compare::kEqual) planned.compare = Compare::kIsNull;
  if (filter.value.is_null() && filter.compare == Compare::kNotEqual) planned.compare = Compare::kNotNull;
  switch (planned.compare) {
    case Compare::kIsNull:
    case Compare::kNotNull: return planned;
    case Compare::kIn:
      if (!filter.value.is_list()) {
        return fail(ErrorCode::kInvalid, fmt::format("a filter 'in' on '{}' needs a list of values", field.name));
      }
      for (const Value& item : filter.value.as_list()) SQ_CHECK(add_key(field, item, planned.keys));
      return planned;
    case Compare::kPrefix:
      if (field.type != FieldType::kText) {
        return fail(ErrorCode::kInvalid, fmt::format("a filter by prefix on '{}' needs a text field", field.name));
      }
      break;
    default: break;
  }
  SQ_CHECK(add_key(field, filter.value, planned.keys));
  return planned;
}

}  // namespace

Result<QueryPlan> plan_query(const CollectionSchema& schema, const Query& query) {
  if (query.offset < 0 || query.limit < -1) {
    return fail(ErrorCode::kInvalid, "a query's offset must not be negative, nor its limit (except -1: no limit)");
  }
  QueryPlan plan;
  plan.offset = query.offset;
  plan.limit = query.limit;
  plan.count_total = query.count_total;
  plan.ids_only = query.ids_only;
  for (const Filter& filter : query.filters) {
    SQ_TRY(auto planned, plan_filter(schema, filter));
    plan.filters.push_back(std::move(planned));
  }
  bool total_order = false;
  for (const Sort& sort : query.sort) {
    SQ_TRY(const int field, find_field(schema, sort.field));
    if (total_order) continue;  // behind the id there are no ties
    plan.sort.push_back({field, sort.descending});
    total_order = field == kIdField;
  }
  if (!total_order) plan.sort.push_back({kIdField, false});
  return plan;
}

}  // namespace squall::store
