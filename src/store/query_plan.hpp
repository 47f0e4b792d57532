// A query with its names resolved and its values checked; what every back end works from. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.hpp"
#include "store/document.hpp"
#include "store/store.hpp"

namespace squall::store {

// A field by its index in CollectionSchema::fields, or kIdField.
inline constexpr int kIdField = -1;

struct PlannedFilter {
  int field = kIdField;
  Compare compare = Compare::kEqual;
  std::vector<IndexKey> keys;  // none for kIsNull and kNotNull, any number for kIn, else one; never null
};

struct PlannedSort {
  int field = kIdField;
  bool descending = false;
};

struct QueryPlan {
  std::vector<PlannedFilter> filters;
  std::vector<PlannedSort> sort;  // ends with the id, so the order is total
  int64_t offset = 0;
  int64_t limit = -1;
  bool count_total = false;
  bool ids_only = false;
};

// kInvalid for a field that is not indexed (the message lists those that are), a value of the wrong type, a null where
// there is nothing to compare, or a negative offset or limit other than -1.
Result<QueryPlan> plan_query(const CollectionSchema& schema, const Query& query);

}  // namespace squall::store
